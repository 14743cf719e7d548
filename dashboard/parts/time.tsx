import { durationText } from '../../base/text/duration.ts';
import { instantText } from '../../base/text/instant-text.ts';

/** When, as people of this place write it, with the exact time behind it; a dash for never. */
export function When({ ms }: Readonly<{ ms: number | null | undefined }>) {
  if (ms === null || ms === undefined || ms === 0) return <span class="quiet">–</span>;
  return (
    <time dateTime={instantText(ms)} title={instantText(ms)}>
      {distance(ms - Date.now())}
    </time>
  );
}

export function Exactly({ ms }: Readonly<{ ms: number | null | undefined }>) {
  if (ms === null || ms === undefined) return <span class="quiet">–</span>;
  const iso = instantText(ms);
  return <time dateTime={iso}>{iso.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}</time>;
}

function distance(aheadMs: number): string {
  const text = durationText(Math.abs(aheadMs));
  if (text === '0 s') return 'now';
  return aheadMs > 0 ? `in ${text}` : `${text} ago`;
}
