import { useEffect, useRef, useState } from "preact/hooks";
import { z } from "zod";
import { executionInputSchema } from "../../lambdas/contract/input.ts";
import { newRunId } from "../../lambdas/contract/run-id.ts";
import { call } from "./account-client.ts";
import type { Overview } from "./console-data.ts";
import { Field } from "./form-fields.tsx";
import { type FieldSchema, problemIn, readObject, setKey } from "./input-form.ts";
import { executionHref } from "./route.ts";

const schema = z.toJSONSchema(executionInputSchema, { io: "input" }) as FieldSchema;
const firstInput = '{\n  "mode": "mini"\n}';

interface Props {
  readonly overview: Overview | undefined;
  /** The execution input to begin with, as JSON. */
  readonly given: string | undefined;
}

/** Starts an execution, with an input that the form and the text beside it share. */
export function StartPage({ overview, given }: Props) {
  const [text, setText] = useState(given === undefined ? firstInput : formatted(given));
  const [chosen, setChosen] = useState<string>();
  const [problem, setProblem] = useState<string>();
  const alert = useRef<HTMLPreElement>(null);
  const stateMachine = chosen ?? overview?.stateMachines[0]?.arn;
  const input = readObject(text);
  useEffect(() => alert.current?.focus(), [problem]);
  const start = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (stateMachine === undefined) return;
    const found = problemIn(text);
    setProblem(found);
    if (found !== undefined) return;
    try {
      const request = { stateMachineArn: stateMachine, name: newRunId(new Date()), input: compact(text) };
      const { executionArn } = await call<{ readonly executionArn: string }>("StartExecution", request);
      location.hash = executionHref(executionArn);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      setProblem(`StartExecution was refused: ${error.message}`);
    }
  };
  return (
    <form class="start" onSubmit={start} noValidate>
      <h1>Start execution</h1>
      {problem !== undefined && (
        <pre class="notice bad" role="alert" ref={alert} tabIndex={-1}>
          {problem}
        </pre>
      )}
      {(overview?.stateMachines.length ?? 0) > 1 && (
        <label class="field">
          <span class="label">State machine</span>
          <select value={stateMachine} onChange={({ currentTarget }) => setChosen(currentTarget.value)}>
            {overview?.stateMachines.map(({ name, arn }) => (
              <option key={arn} value={arn}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <div class="form-and-text">
        <div class="fields">
          {input === undefined ? (
            <p class="soft">The input beside is no JSON object, so that no form can show it.</p>
          ) : (
            Object.entries(schema.properties ?? {}).map(([key, property]) => (
              <Field
                key={key}
                name={key}
                schema={property}
                isRequired={schema.required?.includes(key) ?? false}
                value={input[key]}
                onChange={(value) => setText(JSON.stringify(setKey(input, key, value), null, 2))}
              />
            ))
          )}
        </div>
        <div class="text">
          <label class="field">
            <span class="label">Execution input, as JSON</span>
            <textarea
              class="mono"
              spellcheck={false}
              rows={14}
              value={text}
              onInput={({ currentTarget }) => setText(currentTarget.value)}
            />
          </label>
          <div class="actions">
            <button type="submit" class="primary" disabled={stateMachine === undefined}>
              Start execution
            </button>
            <a class="button quiet" href="#/executions">
              Cancel
            </a>
          </div>
          {overview && stateMachine === undefined && (
            <p class="soft small">No state machine is deployed to this account. Deploy it: orchard local up</p>
          )}
        </div>
      </div>
    </form>
  );
}

function formatted(json: string): string {
  const input = readObject(json);
  return input === undefined ? json : JSON.stringify(input, null, 2);
}

function compact(json: string): string {
  return JSON.stringify(JSON.parse(json));
}
