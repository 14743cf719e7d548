import type { Result } from '../../../base/fault.ts';
import type { HeldModel, LiveScoring } from '../../scoring/live-scoring.ts';
import type { ModelName } from '../../scoring/score-protocol.ts';
import type { ShadowObserver } from '../../scoring/shadow-verdicts.ts';
import { confirmedClass, judgeKnown, type KnownCase, type KnownVerdicts } from './known-cases.ts';
import type { HostFaultCode, ModelHost } from './model-host.ts';

/** Live scoring as the agent's host: what operators confirmed and the canary attack set are the cases whose answer is known. */
export class ScoringHost implements ModelHost {
  readonly #scoring: LiveScoring;
  readonly #attackSet: ReadonlyMap<string, readonly KnownCase[]>;

  constructor(scoring: LiveScoring, attackSet: ReadonlyMap<string, readonly KnownCase[]>) {
    this.#scoring = scoring;
    this.#attackSet = attackSet;
  }

  load(model: HeldModel): Promise<Result<ModelName, HostFaultCode>> {
    return this.#scoring.load(model);
  }

  swap(model: ModelName): Promise<Result<undefined, HostFaultCode>> {
    return this.#scoring.swap(model);
  }

  shadow(model: ModelName | undefined, observe?: ShadowObserver): Promise<Result<undefined, HostFaultCode>> {
    return this.#scoring.shadow(model, observe);
  }

  drop(model: ModelName): Promise<void> {
    return this.#scoring.drop(model);
  }

  judgeKnown(model: ModelName): Promise<Result<KnownVerdicts, HostFaultCode>> {
    const { confirmed, falsePositives } = this.#scoring.cases();
    const attacks = new Map(this.#attackSet);
    if (confirmed.length > 0) attacks.set(confirmedClass, [...(attacks.get(confirmedClass) ?? []), ...confirmed]);
    return judgeKnown({ attacks, falsePositives }, (cases) => this.#scoring.assess(model, cases));
  }
}
