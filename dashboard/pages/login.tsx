import { useEffect, useState } from 'preact/hooks';
import type { WaysShape } from '../../coordinator/web/shapes.ts';
import { get } from '../api/requests.ts';
import { Said } from '../parts/text.tsx';

/** How to get in; shown to everybody, and so says nothing about this federation. */
export function Login({ why }: Readonly<{ why: string }>) {
  const [ways, setWays] = useState<WaysShape>();
  useEffect(() => {
    void get<WaysShape>('/api/ways').then((answer) => setWays(answer.ok ? answer.value : undefined));
  }, []);
  return (
    <main class="alone" id="page">
      <h1>Testudo</h1>
      <p role="status">
        <Said text={why} />
      </p>
      {ways?.oidc === true && (
        <p>
          <a href="/api/oidc/start">Log in with your identity provider</a>
        </p>
      )}
      <p>
        With your operator's certificate, type <code>testudo dashboard</code>: it prints a link that opens one session,
        once, within two minutes.
      </p>
    </main>
  );
}
