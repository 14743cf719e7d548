import { randomBytes } from 'node:crypto';
import { time } from '../../base/text/table.ts';
import { type Digest, isTrackId, type TrackId } from '../../proto/ids.ts';
import type { AntibodyPin } from '../../proto/release/documents/catalogue.ts';
import { usage } from '../exit.ts';
import { antibodyHoldText, subjectFrom, timeFrom, whomText } from '../operator/arguments.ts';
import { changePins } from '../operator/change-pins.ts';
import { forceOption } from '../operator/known-names.ts';
import { triableCommand } from '../operator/options.ts';
import { namedAntibody } from './named-antibody.ts';

/** `testudo antibodies pin`: holds clusters to one antibody, whatever their releases bring; `testudo unpin` ends it. */
export function pinAntibodyCommand() {
  return triableCommand(
    'pin',
    'hold a cluster, all with a label, or all there are, to an antibody: in use, or out of it',
  )
    .argument('<track>')
    .argument('<digest>', 'as `testudo antibodies list` shows it')
    .argument('[cluster|key=value]', 'whom it is for; every cluster if not given')
    .option('--out-of-use', 'it is not used; if not given it is, past its end and its revocation')
    .option('--until <time>', 'its end: 2026-12-24T18:00Z, or 36h, 14d from now; none if not given')
    .option(...forceOption)
    .option('--valid-days <count>', 'how long the signed set of pins is good; renew it before', '365')
    .action((named, digest, whom, options) => {
      const track: TrackId = isTrackId(named) ? named : usage(`<track>: not a legal track id: ${named}`);
      const subject = whom === undefined ? null : subjectFrom(whom);
      const { until, outOfUse = false, reason } = options;
      const untilMs = until === undefined ? null : timeFrom('--until', until, Date.now());
      if (untilMs !== null && untilMs <= Date.now()) usage('--until: this end has passed; give a later one');
      return changePins(options, async ({ pins }, setBy, _nowMs, connection) => {
        const known = await namedAntibody(connection, track, digest);
        const pin: AntibodyPin = {
          pinId: randomBytes(6).toString('hex'),
          track,
          subject,
          antibody: known.digest as Digest,
          bytes: Number(known.sizeBytes),
          inUse: !outOfUse,
          untilMs,
          reason,
          setBy,
        };
        const others = (pins.antibodies ?? []).filter(
          (other) =>
            other.track !== track || other.antibody !== pin.antibody || whomText(other.subject) !== whomText(subject),
        );
        const end = untilMs === null ? '' : ` until ${time(untilMs)}`;
        return {
          track: undefined,
          pins: pins.pins,
          antibodies: [...others, pin],
          sentence: `pin ${pin.pinId} holds ${whomText(subject)} to ${antibodyHoldText(pin)} (${known.family})${end}`,
          whom: options.force || subject === null ? undefined : subject,
          facts: { pin },
        };
      });
    });
}
