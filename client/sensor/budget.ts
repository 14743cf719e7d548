/** What a sensor looks at: everything; some threads, and every one that makes a dangerous call; the latter alone. */
export const steps = ['full', 'sampled', 'dangerous'] as const;
export type Step = (typeof steps)[number];

export type BudgetLimits = Readonly<{
  /** Cores' worth of CPU time that the sensor may use. */
  coresMax: number;
  rssBytesMax: number;
  /** The node's load average for each of its cores, above which the sensor gives way; null: it does not look. */
  loadMax: number | null;
}>;

/** One second, as it was. */
export type BudgetReading = Readonly<{ cores: number; rssBytes: number; load: number }>;

export type BudgetState = Readonly<{
  step: Step;
  /** Readings in a row that were over a limit. */
  over: number;
  /** Readings in a row that would have left room for the step above. */
  under: number;
  /** What a limit was passed by, when the step went down last. */
  because: 'cores' | 'memory' | 'load' | undefined;
}>;

export const startingBudget: BudgetState = { step: 'full', over: 0, under: 0, because: undefined };

/** So many readings in a row: one busy second, such as a model that loads, is no load. */
const overMax = 3;
const underMax = 30;
/** The step above costs more: this much of the limits must be unused before it is tried. */
const roomShare = 0.5;

/** The next state after a reading. Pure: time is the number of readings. */
export function stepOnReading(state: BudgetState, reading: BudgetReading, limits: BudgetLimits): BudgetState {
  const because = passed(reading, limits, 1);
  if (because !== undefined) {
    const over = state.over + 1;
    if (over < overMax) return { ...state, over, under: 0 };
    const at = Math.min(steps.indexOf(state.step) + 1, steps.length - 1);
    return { step: steps[at] as Step, over: 0, under: 0, because };
  }
  // Memory is given back late, if at all: below its limit is enough.
  const hasRoom = passed({ ...reading, rssBytes: 0 }, limits, roomShare) === undefined;
  const under = hasRoom ? state.under + 1 : 0;
  if (under < underMax || state.step === 'full') return { ...state, over: 0, under: Math.min(under, underMax) };
  const step = steps[steps.indexOf(state.step) - 1] as Step;
  return { step, over: 0, under: 0, because: step === 'full' ? undefined : state.because };
}

function passed({ cores, rssBytes, load }: BudgetReading, limits: BudgetLimits, share: number): BudgetState['because'] {
  if (cores > limits.coresMax * share) return 'cores';
  if (rssBytes > limits.rssBytesMax * share) return 'memory';
  return limits.loadMax !== null && load > limits.loadMax * share ? 'load' : undefined;
}
