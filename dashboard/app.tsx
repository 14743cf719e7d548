import { useEffect, useState } from 'preact/hooks';
import type { SessionShape, WaysShape } from '../coordinator/web/shapes.ts';
import { startLive, stopLive } from './api/live.ts';
import { get, post, setToken, whenSessionOver } from './api/requests.ts';
import { go } from './api/route.ts';
import { Frame } from './frame.tsx';
import { Login } from './pages/login.tsx';

/** The secret of a one-time link, which the address then no longer shows. */
function takeSecret(): string | undefined {
  if (location.pathname !== '/login' || location.hash.length < 2) return undefined;
  const secret = location.hash.slice(1);
  history.replaceState(null, '', '/login');
  return secret;
}

/** Who is logged in, or the page that says how. */
export function App() {
  const [session, setSession] = useState<SessionShape>();
  const [why, setWhy] = useState<string>();

  useEffect(() => {
    whenSessionOver(() => {
      stopLive();
      setSession(undefined);
      setWhy('Nobody is logged in here: the session has ended, or there was none.');
    });
    const secret = takeSecret();
    void begin(secret).then((answer) => {
      if (!answer.ok) return setWhy(refusedAtProvider() ?? answer.fault.message);
      setToken(answer.value.token);
      setSession(answer.value);
      setWhy(undefined);
      startLive();
      if (location.pathname === '/login') go('/');
    });
    return stopLive;
  }, []);

  if (session !== undefined) return <Frame session={session} />;
  return why === undefined ? <p class="alone quiet">…</p> : <Login why={why} />;
}

/** Sentences of ours alone: an address may have been written by anybody. */
const refusals: Readonly<Record<string, string>> = {
  LOGIN_REFUSED: "The identity provider's answer was not accepted: begin again.",
  ROLE_UNKNOWN: 'You are known, and nothing that was said of you gives a role here: ask an admin.',
  PROVIDER_UNREACHABLE: 'The identity provider does not answer: try again later.',
};

function refusedAtProvider(): string | undefined {
  const code = new URLSearchParams(location.search).get('refused');
  return code === null ? undefined : (refusals[code] ?? 'The login was refused.');
}

async function begin(secret: string | undefined) {
  if (secret !== undefined) return post<SessionShape>('/api/login', { secret });
  const known = await get<SessionShape>('/api/session');
  if (known.ok) return known;
  const ways = await get<WaysShape>('/api/ways');
  return ways.ok && ways.value.proxy ? post<SessionShape>('/api/login', {}) : known;
}
