import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { boundsOf, defaultOf, type FieldSchema, isObject, setKey } from "./input-form.ts";

interface Props {
  readonly name: string;
  readonly schema: FieldSchema;
  readonly isRequired: boolean;
  readonly value: unknown;
  /** @param value undefined leaves the key out of the input */
  readonly onChange: (value: unknown) => void;
}

/** A field for a key of the execution input, by its schema. */
export function Field(props: Props) {
  const { name, schema, value, onChange } = props;
  const id = useId();
  const help = `${id}-help`;
  if (schema.properties) return <Group {...props} />;
  if (schema.type === "boolean") {
    return (
      <div class="field">
        <label class="check">
          <input
            type="checkbox"
            checked={value === true}
            aria-describedby={help}
            onChange={({ currentTarget: { checked } }) => onChange(checked ? true : undefined)}
          />
          <span class="label">{name}</span>
        </label>
        <Help id={help} schema={schema} />
      </div>
    );
  }
  if (schema.items?.enum) return <Choices {...props} options={schema.items.enum} help={help} />;
  return (
    <div class="field">
      <label class="label" for={id}>
        {name}
      </label>
      <Control {...props} id={id} help={help} />
      <Help id={help} schema={schema} />
    </div>
  );
}

/** The keys of an object within the input. */
function Group({ name, schema, value, onChange }: Props) {
  const object = isObject(value) ? value : {};
  return (
    <details class="group" open={Object.keys(object).length > 0}>
      <summary>
        <span class="label">{name}</span>
      </summary>
      <p class="soft small">
        <Markdown text={schema.description ?? ""} />
      </p>
      {Object.entries(schema.properties ?? {}).map(([key, property]) => (
        <Field
          key={key}
          name={key}
          schema={property}
          isRequired={false}
          value={object[key]}
          onChange={(part) => onChange(setKey(object, key, part))}
        />
      ))}
    </details>
  );
}

interface ControlProps extends Props {
  readonly id: string;
  readonly help: string;
}

function Control({ id, help, schema, isRequired, value, onChange }: ControlProps) {
  const common = { id, "aria-describedby": help, required: isRequired };
  if (schema.enum) {
    return (
      <select
        {...common}
        value={typeof value === "string" ? value : ""}
        onChange={({ currentTarget }) => onChange(currentTarget.value || undefined)}
      >
        {!isRequired && <option value="">Default</option>}
        {schema.enum.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    );
  }
  if (schema.type === "integer" || schema.type === "number") {
    return (
      <input
        {...common}
        type="number"
        min={schema.minimum ?? schema.exclusiveMinimum}
        max={schema.maximum}
        step={schema.type === "integer" ? 1 : "any"}
        placeholder={defaultPlaceholder(schema)}
        value={typeof value === "number" ? value : ""}
        onInput={({ currentTarget }) => onChange(currentTarget.value === "" ? undefined : currentTarget.valueAsNumber)}
      />
    );
  }
  if (schema.type === "array") {
    return (
      <textarea
        {...common}
        rows={2}
        placeholder="One name a line"
        value={Array.isArray(value) ? value.join("\n") : ""}
        onInput={({ currentTarget }) => onChange(linesOf(currentTarget.value))}
      />
    );
  }
  return (
    <input
      {...common}
      type="text"
      maxLength={schema.maxLength}
      placeholder={defaultPlaceholder(schema)}
      value={typeof value === "string" ? value : ""}
      onInput={({ currentTarget }) => onChange(currentTarget.value || undefined)}
    />
  );
}

function linesOf(text: string): readonly string[] | undefined {
  return text === "" ? undefined : text.split("\n");
}

/** The example shows the form of a value that has no default. */
function defaultPlaceholder({ default: value, examples }: FieldSchema): string {
  if (value !== undefined) return String(value);
  return examples?.[0] === undefined ? "" : `for instance ${String(examples[0])}`;
}

interface ChoicesProps extends Props {
  readonly options: readonly string[];
  readonly help: string;
}

/** A choice of any number of options. Without a choice, the key is left out. */
function Choices({ name, schema, options, help, value, onChange }: ChoicesProps) {
  const chosen: readonly unknown[] = Array.isArray(value) ? value : [];
  const toggle = (option: string, isOn: boolean) => {
    const next = options.filter((each) => (each === option ? isOn : chosen.includes(each)));
    onChange(next.length === 0 ? undefined : next);
  };
  return (
    <fieldset class="field" aria-describedby={help}>
      <legend class="label">{name}</legend>
      {options.map((option) => (
        <label key={option} class="check">
          <input
            type="checkbox"
            checked={chosen.includes(option)}
            onChange={({ currentTarget }) => toggle(option, currentTarget.checked)}
          />
          {option}
        </label>
      ))}
      <Help id={help} schema={schema} />
    </fieldset>
  );
}

function Help({ id, schema }: { readonly id: string; readonly schema: FieldSchema }) {
  const fallback = defaultOf(schema);
  const text = [schema.description ?? "", boundsOf(schema), fallback === "" ? "" : `Default: ${fallback}.`];
  return (
    <p class="soft small help" id={id}>
      <Markdown text={text.filter((part) => part !== "").join(" ")} />
    </p>
  );
}

/** The descriptions are Markdown of docs/input.md: code spans are shown, and links as their text. */
function Markdown({ text }: { readonly text: string }): ComponentChildren {
  const parts = text.replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1").split("`");
  return parts.map((part, index) => (index % 2 === 1 ? <code key={part}>{part}</code> : part));
}
