import type { Mail } from "./console-data.ts";
import { formatDateTime } from "./format.ts";
import { PlainText } from "./plain-text.tsx";
import { useResource } from "./use-resource.ts";

export function MailsPage() {
  const { data: mails } = useResource<readonly Mail[]>("mails");
  return (
    <>
      <h1>Mails</h1>
      <p class="soft">What the topic has sent. On AWS, they go to its subscribers.</p>
      {mails && <MailList mails={mails} empty="No mail has been sent yet." />}
    </>
  );
}

/** Mails, newest first. */
export function MailList({ mails, empty }: { readonly mails: readonly Mail[]; readonly empty: string }) {
  if (mails.length === 0) return <p class="soft">{empty}</p>;
  return (
    <ul class="mails">
      {mails.toReversed().map((mail, index) => (
        <li key={`${mail.timestamp} ${mails.length - index}`}>
          <details open={index === 0}>
            <summary>
              <bdi>{mail.subject}</bdi>
              <span class="soft small">{formatDateTime(Date.parse(mail.timestamp) / 1000)}</span>
            </summary>
            <PlainText>{mail.message}</PlainText>
          </details>
        </li>
      ))}
    </ul>
  );
}
