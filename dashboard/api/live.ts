import type { EntryNews, OverviewNews } from '../../coordinator/web/shapes.ts';
import { type Known, withNews } from './overview.ts';
import { get } from './requests.ts';

export type Live = Readonly<{
  known: Known | undefined;
  /** `lost`: it will be tried again. `resting`: nobody looks. */
  link: 'connecting' | 'live' | 'lost' | 'resting';
  /** Grows with every batch of journal entries; pages that show them ask again. */
  entries: number;
}>;

/** Heard every five seconds while all is well. */
const silentMsMax = 15_000;

let state: Live = { known: undefined, link: 'connecting', entries: 0 };
const listeners = new Set<() => void>();
let source: EventSource | undefined;
let heard: ReturnType<typeof setTimeout> | undefined;

export function live(): Live {
  return state;
}

export function onLive(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** One stream for the whole page; none while nobody sees it: browsers allow few to one address. */
export function startLive(): void {
  document.addEventListener('visibilitychange', follow);
  follow();
}

export function stopLive(): void {
  document.removeEventListener('visibilitychange', follow);
  rest();
}

function follow(): void {
  if (document.hidden) rest();
  else if (source === undefined) open();
}

function rest(): void {
  close();
  change({ link: 'resting' });
}

function open(): void {
  if (state.link !== 'lost') change({ link: 'connecting' });
  listen(); // From here on: what never says a word is as lost as what stops.
  source = new EventSource('/api/live');
  source.addEventListener('overview', ({ data }: MessageEvent<string>) => {
    alive();
    const known = withNews(state.known, JSON.parse(data) as OverviewNews);
    change({ known, link: 'live' });
  });
  source.addEventListener('entries', ({ data }: MessageEvent<string>) => {
    alive();
    const { kinds } = JSON.parse(data) as EntryNews;
    if (kinds.length > 0) change({ entries: state.entries + 1, link: 'live' });
  });
  source.addEventListener('beat', alive);
  source.onerror = () => {
    change({ link: 'lost' });
    // A refused stream is not tried again by the browser: whoever is no longer logged in is told so by the next request.
    if (source?.readyState === EventSource.CLOSED) later();
  };
}

function alive(): void {
  listen();
  if (state.link === 'lost') change({ link: 'live', entries: state.entries + 1 });
}

/** Gives the stream its time to say something. */
function listen(): void {
  clearTimeout(heard);
  heard = setTimeout(() => {
    change({ link: 'lost' });
    later();
  }, silentMsMax);
}

function later(): void {
  close();
  heard = setTimeout(async () => {
    await get('/api/session');
    // Meanwhile somebody may have opened one, or nobody look or be logged in any more.
    if (source === undefined && state.link === 'lost') open();
  }, 2_000);
}

function close(): void {
  clearTimeout(heard);
  source?.close();
  source = undefined;
}

function change(next: Partial<Live>): void {
  state = { ...state, ...next };
  for (const listener of listeners) listener();
}
