import type { ProgressView } from '../../coordinator/web/shapes.ts';
import { useAnswer } from '../api/hooks.ts';
import { apiPath } from '../api/requests.ts';
import { Awaited, Panel } from '../parts/panel.tsx';
import { Mark, Said } from '../parts/text.tsx';

/** Whether a track's training gets anywhere, in a sentence. */
export function TrackProgress({ track }: Readonly<{ track: string }>) {
  const answer = useAnswer<ProgressView>(apiPath('progress', track));
  return (
    <Panel title={`Progress of ${track}`}>
      <Awaited answer={answer}>
        {({ verdict, text }) => (
          <p>
            <Mark sign={verdict === 'swings' || verdict === 'grows' ? 'warning' : 'good'} /> <Said text={text} />
          </p>
        )}
      </Awaited>
    </Panel>
  );
}
