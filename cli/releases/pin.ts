import { randomBytes } from 'node:crypto';
import { time } from '../../base/text/table.ts';
import type { AntibodyPin, Pin, Subject } from '../../proto/release/documents/catalogue.ts';
import { checkPin } from '../../proto/release/legality.ts';
import { exitWith, orExit } from '../exit.ts';
import { antibodyHoldText, releaseFrom, subjectFrom, subjectText, timeFrom, whomText } from '../operator/arguments.ts';
import { changePins } from '../operator/change-pins.ts';
import { forceOption } from '../operator/known-names.ts';
import { triableCommand } from '../operator/options.ts';

const validDays = ['--valid-days <count>', 'how long the signed set of pins is good; renew it before', '365'] as const;

/** `testudo pin`: holds clusters on a version, whatever their channel says. */
export function pinCommand() {
  return triableCommand('pin', 'hold a cluster, or all with a label, on a version, whatever their channel says')
    .argument('<cluster|key=value>')
    .argument('<track@version>')
    .option('--until <time>', 'its end: 2026-12-24T18:00Z, or 36h, 14d from now; none if not given')
    .option(...forceOption)
    .option('--below-floor', 'a signed exception: the version may lie below the floor')
    .option(...validDays)
    .action((whom, release, options) => {
      const subject = subjectFrom(whom);
      const { track, version } = releaseFrom(release);
      const { until, belowFloor = false, reason } = options;
      const untilMs = until === undefined ? null : timeFrom('--until', until, Date.now());
      return changePins(options, ({ catalogue, pins }, setBy, nowMs) => {
        const pinId = randomBytes(6).toString('hex');
        const pin: Pin = { pinId, track, subject, version, untilMs, belowFloor, reason, setBy };
        orExit(checkPin(pin, catalogue, nowMs));
        const others = pins.pins.filter((other) => other.track !== track || !isSame(other.subject, subject));
        const end = untilMs === null ? '' : ` until ${time(untilMs)}`;
        const sentence = `pin ${pinId} holds ${subjectText(subject)} on ${track}@${version}${end}`;
        return { track, pins: [...others, pin], sentence, whom: options.force ? undefined : subject, facts: { pin } };
      });
    });
}

/** `testudo unpin`: ends a pin. */
export function unpinCommand() {
  return triableCommand('unpin', 'end a pin')
    .argument('<pin|cluster|key=value>', 'a pin id of `testudo pins list`, or whom it is for')
    .option('--track <track>', 'only the pin of this track')
    .option(...validDays)
    .action((which, options) =>
      changePins(options, ({ pins: { pins, antibodies = [] } }) => {
        const isNamed = ({ pinId, subject, track }: Pin | AntibodyPin) =>
          (pinId === which || (subject !== null && subjectText(subject) === which)) &&
          (options.track === undefined || track === options.track);
        const named = [...pins, ...antibodies].filter(isNamed);
        const [pin, ...more] = named;
        if (pin === undefined) {
          const all = [...pins, ...antibodies];
          const known = all.map((other) => `${other.pinId} (${whomText(other.subject)})`).join(', ') || 'none';
          return exitWith({ code: 'PIN_NOT_FOUND', message: `no pin ${which}; pins: ${known}` });
        }
        if (more.length > 0) {
          const ids = named.map(({ pinId, track }) => `${pinId} (${track})`).join(', ');
          return exitWith({ code: 'PIN_AMBIGUOUS', message: `${which} has several pins: ${ids}; name one` });
        }
        if ('antibody' in pin) {
          const sentence = `pin ${pin.pinId} no longer holds ${whomText(pin.subject)} to ${antibodyHoldText(pin)}`;
          const rest = antibodies.filter((other) => other !== pin);
          return { track: undefined, pins, antibodies: rest, sentence, facts: { pin } };
        }
        const sentence = `pin ${pin.pinId} no longer holds ${subjectText(pin.subject)} on ${pin.track}@${pin.version}`;
        return { track: pin.track, pins: pins.filter((other) => other !== pin), sentence, facts: { pin } };
      }),
    );
}

function isSame(a: Subject, b: Subject): boolean {
  return subjectText(a) === subjectText(b);
}
