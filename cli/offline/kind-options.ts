/** What kinds of tracks bring to a verb: who of them it is for, and the options that each has. */
import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { Fault, Result } from '../../base/fault.ts';
import { noticingUnreadEnds } from '../../client/recordings/compressed/unread-ends.ts';
import type {
  OfflineKind,
  OfflineOption,
  Operation,
  OperationName,
  Settings,
} from '../../client/tracks/offline-kind.ts';
import { defaultKind } from '../../client/tracks/track-kinds.ts';
import { endWith, exitWith, orExit, usage } from '../exit.ts';
import { type KnownKind, knownKinds } from './kinds.ts';

export type Chosen<Name extends OperationName> = Readonly<{
  kind: KnownKind;
  operation: NonNullable<OfflineKind[Name]>;
  settings: Settings;
}>;

/** Adds `--track` and the options of every kind that offers the operation, each saying whose it is. */
export function addKindOptions(command: CommandUnknownOpts, operation: OperationName): void {
  const offering = kindsThatOffer(operation);
  const about = offering.map(({ name, offline }) => `${name}: ${offline[operation]?.about}`).join('; ');
  const ofNone = kindFor(offering, operation, undefined, undefined).named;
  const unlessGiven = command.options.some(({ long }) => long === '--model') ? 'what the model is of' : ofNone;
  const own = `or the path of a folder that holds a track.ts; ${unlessGiven} unless given`;
  const track = new Option('--track <kind>', `${about}; ${own}`);
  command.addOption(track.choices(offering.map(({ named }) => named)));
  for (const option of mergedOptions(offering, operation)) command.addOption(option);
}

/**
 * The kind that `--track` names; unless given, the one that the model's architecture belongs to; else the default one, or
 * the first that offers the operation. Ends the process where an option is given that only another kind takes.
 */
export function chooseKind<Name extends OperationName>(
  command: CommandUnknownOpts,
  operation: Name,
  model?: Readonly<{ where: string; spec: Readonly<{ architecture: string }> }>,
): Chosen<Name> {
  const given = command.opts() as Settings;
  const offering = kindsThatOffer(operation);
  const kind = kindFor(offering, operation, given.track as string | undefined, model);
  const offered = kind.offline[operation] as Chosen<Name>['operation'];
  for (const other of offering) {
    for (const option of other.offline[operation]?.options ?? []) {
      const isTaken = offered.options.some(({ flags }) => flags === option.flags);
      if (!isTaken && option.refusedElsewhere !== undefined && given[nameOf(option)] !== undefined) {
        usage(option.refusedElsewhere);
      }
    }
  }
  const settings = offered.options.map((option) => [nameOf(option), given[nameOf(option)] ?? option.default] as const);
  return { kind, operation: { ...offered, ...readingWhole(offered) }, settings: Object.fromEntries(settings) };
}

/**
 * The same operation; where an input ended before its end, the verb says so and ends with 1, whatever the kind makes of it: what came
 * before is in the answer, and a pipeline should still notice the rest.
 */
function readingWhole({ run }: Pick<Operation<unknown, unknown>, 'run'>): Pick<Operation<unknown, unknown>, 'run'> {
  return {
    async run(request) {
      const { answer, unread } = await noticingUnreadEnds(() => run(request));
      if (answer.ok) for (const [path, why] of unread) endWith(cutShort(path, why));
      return answer;
    },
  };
}

function cutShort(path: string, why: string): Fault {
  const message = `${path} was not read to its end (${why}); the answer is about what came before; copy the file again`;
  return { code: 'INPUT_CUT_SHORT', message };
}

/** As `orExit`; a fault that is about the command line ends as one. */
export function settled<Value>(result: Result<Value>): Value {
  return !result.ok && result.fault.code === 'OPTION_WRONG' ? usage(result.fault.message) : orExit(result);
}

function kindFor(
  offering: readonly KnownKind[],
  operation: OperationName,
  track: string | undefined,
  model: Readonly<{ where: string; spec: Readonly<{ architecture: string }> }> | undefined,
): KnownKind {
  const architecture = model?.spec.architecture ?? '';
  const ofModel = knownKinds.find(({ architectures }) => architectures.includes(architecture));
  const named = offering.find((one) => one.named === track);
  if (named !== undefined) return named;
  if (ofModel !== undefined && !offering.includes(ofModel)) {
    const others = offering.map(({ name }) => name).join(', ');
    const message = `${model?.where}: ${architecture} is of the ${ofModel.name} track; ${operation} is offered by: ${others}`;
    return exitWith({ code: 'MODEL_UNKNOWN', message });
  }
  const kind = ofModel ?? offering.find(({ named }) => named === defaultKind) ?? offering[0];
  return kind ?? usage(`no kind of track offers ${operation}`);
}

function kindsThatOffer(operation: OperationName): readonly KnownKind[] {
  return knownKinds.filter(({ offline }) => offline[operation] !== undefined);
}

/** Options with the same flags are one, which says for whom it means what and takes what any of them takes. */
function mergedOptions(offering: readonly KnownKind[], operation: OperationName): Option[] {
  const all = offering.flatMap(({ name, offline }) =>
    (offline[operation]?.options ?? []).map((option) => ({ name, ...option })),
  );
  return [...Map.groupBy(all, ({ flags }) => flags)].map(([flags, own]) => {
    const about = own.map(
      (one) => `${one.name}: ${one.about}${one.default === undefined ? '' : `; ${one.default} unless given`}`,
    );
    const option = new Option(flags, about.join('; '));
    const choices = own.map((one) => one.choices);
    return choices.includes(undefined) ? option : option.choices([...new Set(choices.flatMap((some) => some ?? []))]);
  });
}

function nameOf({ flags }: OfflineOption): string {
  return new Option(flags).attributeName();
}
