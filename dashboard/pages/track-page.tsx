import type { ComponentChildren } from 'preact';
import { useLive } from '../api/hooks.ts';
import { pathOf } from '../api/route.ts';
import { Link } from '../parts/link.tsx';
import { Said } from '../parts/text.tsx';

type TrackPageProps = Readonly<{
  name: string;
  /** The first word of its address. */
  section: string;
  /** The track that the address names; undefined: the first one. */
  wanted: string | undefined;
  children: (track: string) => ComponentChildren;
}>;

/** A page about one track, and the way to the others. */
export function TrackPage({ name, section, wanted, children }: TrackPageProps) {
  const { known } = useLive();
  const track = wanted ?? known?.tracks[0]?.track;
  return (
    <>
      <h1>{name}</h1>
      <Tabs section={section} current={track} />
      {track !== undefined && children(track)}
    </>
  );
}

function Tabs({ section, current }: Readonly<{ section: string; current: string | undefined }>) {
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
