import type { SessionShape } from '../coordinator/web/shapes.ts';
import { useLive } from './api/hooks.ts';
import { post } from './api/requests.ts';
import { useWords } from './api/route.ts';
import { pageOf, sections } from './pages/all.tsx';
import { ActDialog } from './parts/act.tsx';
import { Link } from './parts/link.tsx';
import { Said } from './parts/text.tsx';
import { When } from './parts/time.tsx';

/** What stands around every page: where one is, who one is, and whether what one sees is live. */
export function Frame({ session }: Readonly<{ session: SessionShape }>) {
  const words = useWords();
  const [section = ''] = words;
  return (
    <>
      <a class="skip" href="#page">
        Skip to the page
      </a>
      <header class="top">
        <Link to="/" class="brand">
          Testudo <b>{session.federation}</b>
        </Link>
        <Linked />
        <span class="who">
          <Said text={session.operator} /> <span class="role">{session.role}</span>
          <span class="quiet">
            {' '}
            session ends <When ms={session.expiresAtMs} />
          </span>
        </span>
        <button type="button" class="plain" onClick={leave}>
          Log out
        </button>
      </header>
      <nav aria-label="Pages">
        {sections.map(({ path, name }) => (
          <Link key={path} to={`/${path}`} current={section === path}>
            {name}
          </Link>
        ))}
      </nav>
      <main id="page" tabIndex={-1}>
        {pageOf(words, session)}
      </main>
      <ActDialog />
    </>
  );
}

const links = {
  connecting: ['◌', 'connecting'],
  live: ['●', 'live'],
  lost: ['▲', 'not live: the coordinator does not answer'],
  resting: ['◌', 'resting'],
} as const;

function Linked() {
  const { link } = useLive();
  const [shape, word] = links[link];
  return (
    <span class={`link ${link}`} role="status">
      <span aria-hidden="true">{shape}</span> {word}
    </span>
  );
}

async function leave() {
  await post('/api/logout', {});
  location.assign('/login');
}
