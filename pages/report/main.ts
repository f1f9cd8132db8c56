import type { ReportData } from "../../lambdas/contract/report-data.ts";
import { byId, element, name } from "../shared/elements.ts";
import { themeButton } from "../shared/theme.ts";
import { unpackData } from "./unpack.ts";

function show(data: ReportData): void {
  const { images, labels, errors } = data.validation;
  document.title = `${data.run.id} – Orchard report`;
  byId("page").append(
    element("header", {}, themeButton(), element("p", { class: "soft small" }, "Orchard report ", name(data.run.id))),
    element("h1", {}, `${images} images of ${labels} labels, ${errors} errors`),
  );
}

show(await unpackData(byId("data").textContent.trim()));
