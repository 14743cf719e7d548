import { useEffect, useState } from 'preact/hooks';

/** A value that is kept outside of the pages, again whenever it changes. `read` and `follow` stay the same functions. */
export function useOutside<Value extends object>(
  read: () => Value,
  follow: (changed: () => void) => () => void,
): Value {
  const [value, setValue] = useState(read);
  useEffect(() => {
    const look = () => setValue(read());
    const unfollow = follow(look);
    // Effects run after the paint: what changed between the two would not be shown until something else changes.
    look();
    return unfollow;
  }, [read, follow]);
  return value;
}
