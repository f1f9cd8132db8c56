import { useRef } from "preact/hooks";

interface Props {
  readonly label: string;
  readonly question: string;
  readonly onConfirm: () => void;
}

/** A button that asks before it acts. */
export function ConfirmButton({ label, question, onConfirm }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const confirm = () => {
    dialog.current?.close();
    onConfirm();
  };
  return (
    <>
      <button type="button" onClick={() => dialog.current?.showModal()}>
        {label}
      </button>
      <dialog ref={dialog} aria-label={label}>
        <p>{question}</p>
        <div class="actions">
          <button type="button" class="danger" onClick={confirm}>
            {label}
          </button>
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
        </div>
      </dialog>
    </>
  );
}
