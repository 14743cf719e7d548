import { useOutside } from './outside.ts';

const changed = new EventTarget();

/** The words of the page's address, decoded. */
function words(): readonly string[] {
  return location.pathname.split('/').filter(Boolean).map(decoded);
}

export function go(path: string): void {
  history.pushState(null, '', path);
  changed.dispatchEvent(new Event('change'));
  scrollTo(0, 0);
}

/** The words of the address, again when they change. */
export function useWords(): readonly string[] {
  return useOutside(words, onMove);
}

function onMove(moved: () => void): () => void {
  changed.addEventListener('change', moved);
  addEventListener('popstate', moved);
  return () => {
    changed.removeEventListener('change', moved);
    removeEventListener('popstate', moved);
  };
}

export function pathOf(...parts: readonly (string | number)[]): string {
  return `/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
}

function decoded(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
