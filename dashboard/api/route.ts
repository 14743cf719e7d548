import { useEffect, useState } from 'preact/hooks';

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
  const [now, setNow] = useState(words());
  useEffect(() => {
    const look = () => setNow(words());
    changed.addEventListener('change', look);
    addEventListener('popstate', look);
    look(); // It may have changed since the paint.
    return () => {
      changed.removeEventListener('change', look);
      removeEventListener('popstate', look);
    };
  }, []);
  return now;
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
