import { Said } from '../parts/text.tsx';

/** How to get in; shown to everybody, and so says nothing about this federation. */
export function Login({ why }: Readonly<{ why: string }>) {
  return (
    <main class="alone" id="page">
      <h1>Testudo</h1>
      <p role="status">
        <Said text={why} />
      </p>
      <p>
        With your operator's certificate, type <code>testudo dashboard</code>: it prints a link that opens one session,
        once, within two minutes.
      </p>
    </main>
  );
}
