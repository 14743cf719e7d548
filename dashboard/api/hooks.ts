import { useEffect, useState } from 'preact/hooks';
import { type Live, live, onLive } from './live.ts';
import { useOutside } from './outside.ts';
import { type Answered, get } from './requests.ts';

export function useLive(): Live {
  return useOutside(live, onLive);
}

/**
 * What the coordinator answers to a path, asked again whenever something was journalled. undefined before the first
 * answer; the last answer stays until the next one is there, unless the path changes. `also`: what the journal does not know, and the
 * answer follows all the same.
 */
export function useAnswer<Value>(path: string | undefined, also: unknown = undefined): Answered<Value> | undefined {
  const { entries } = useLive();
  const [answer, setAnswer] = useState<Readonly<{ path: string; answered: Answered<Value> }>>();
  // An entry is a reason to ask again, and so is what stands beside the journal.
  useEffect(() => {
    if (path === undefined) return;
    let wanted = true;
    void get<Value>(path).then((answered) => {
      if (wanted) setAnswer({ path, answered });
    });
    return () => {
      wanted = false;
    };
  }, [path, entries, also]);
  return answer?.path === path ? answer?.answered : undefined;
}
