import { useLive } from '../api/hooks.ts';
import { pathOf } from '../api/route.ts';
import { Link } from '../parts/link.tsx';
import { Said } from '../parts/text.tsx';

/** Which track a page is about. */
export function TrackTabs({ section, current }: Readonly<{ section: string; current: string | undefined }>) {
  const { known } = useLive();
  const tracks = known?.tracks ?? [];
  if (tracks.length === 0) return <p class="quiet">{known === undefined ? '…' : 'There is no track yet.'}</p>;
  return (
    <div class="tabs">
      <span class="quiet">track</span>
      {tracks.map(({ track }) => (
        <Link key={track} to={pathOf(section, track)} current={track === current}>
          <Said text={track} />
        </Link>
      ))}
    </div>
  );
}
