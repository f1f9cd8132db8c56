import { h, render } from "preact";
import { byId } from "../shared/elements.ts";
import { keepKey } from "./account-client.ts";
import { App } from "./app.tsx";

keepKey();
render(h(App, {}), byId("page"));
