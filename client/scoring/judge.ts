import { ok, type Result, refuse } from '../../base/fault.ts';
import { faultFields } from '../../base/log.ts';
import type { IntrusionLabel } from '../events/source-item.ts';
import type { PlaceScores } from '../tracks/place-scores.ts';
import { type Alert, alertId, alertOf } from './alert.ts';
import { IntrusionLabels } from './intrusion-labels.ts';
import type { JudgeParts } from './judge-parts.ts';
import { type GroupLevel, type GroupSketch, JudgedModel } from './judged-model.ts';
import { judgeWith } from './rates-seen.ts';
import { type ModelName, type ModelScores, nameOf, type ScoringModel } from './score-protocol.ts';
import { isLost, type ScoreFaultCode } from './scoring-thread.ts';
import { comparedWith, type ShadowObserver, type Verdict } from './shadow-verdicts.ts';

/** Newest normal examples that a new model is warmed on. */
const recentMax = 256;
/** When what could not be calibrated is tried again because of antibodies that have ended. */
const retryMs = 600_000;

/** Score → threshold → alert, for what happens. Until the first model is there everything counts as normal. */
export class Judge {
  readonly #parts: JudgeParts;
  /** What is loaded in the scorer, by name. */
  readonly #loaded = new Map<ModelName, { model: ScoringModel; judged: JudgedModel }>();
  #live: ModelName | undefined;
  #shadow: { name: ModelName; observe: ShadowObserver } | undefined;
  /** The shadow that came back with a lost thread, until it has scored: lost before, the thread comes back without it. */
  #returned: ModelName | undefined;
  readonly #labels: IntrusionLabels;
  readonly #recent: unknown[] = [];
  #nextRecent = 0;
  #levels: readonly GroupLevel[] = [];
  #recovering: Promise<boolean> | undefined;
  #changing: Promise<unknown> = Promise.resolve();

  constructor(parts: JudgeParts) {
    this.#parts = parts;
    const { track, metrics, clock } = parts;
    this.#labels = new IntrusionLabels(clock, (outcome, n) => metrics.intrusionLabels.inc({ track, outcome }, n));
  }

  /** The version that scores now. */
  get liveVersion(): number | undefined {
    return this.#judgedOf(this.#live)?.version;
  }

  /** What the live model's calibration says of itself. */
  get remarks(): readonly string[] {
    return this.#judgedOf(this.#live)?.remarks ?? [];
  }

  /** Loads a model beside the live one and warms it on what is normal here; the live one goes on scoring meanwhile. */
  load(model: ScoringModel): Promise<Result<ModelName, ScoreFaultCode>> {
    return this.#inTurn(() => this.#load(model));
  }

  /** Makes a loaded model the live one, from one batch to the next. */
  swap(name: ModelName): Promise<Result<undefined, ScoreFaultCode>> {
    return this.#inTurn(() => this.#swap(name));
  }

  /** Runs a loaded model in shadow: `observe` hears what both say of each batch. Nothing ends the shadow run. */
  shadow(
    name: ModelName | undefined,
    observe: ShadowObserver = () => undefined,
  ): Promise<Result<undefined, ScoreFaultCode>> {
    return this.#inTurn(() => this.#setShadow(name, observe));
  }

  /** What the whole cluster's scores say an alarm is, in the place of what was seen here alone. */
  follow(levels: readonly GroupLevel[]): void {
    this.#levels = levels;
    for (const { judged } of this.#loaded.values()) judged.follow(levels);
  }

  /** The live model's latest scores, group by group; nothing while no model is live. */
  sketches(): readonly GroupSketch[] {
    return this.#judgedOf(this.#live)?.sketches() ?? [];
  }

  /** Forgets a model that is neither live nor in shadow. */
  drop(name: ModelName): Promise<void> {
    return this.#inTurn(() => this.#drop(name));
  }

  /** Whether an antibody of what runs has ended, or has not any more where the clock was set back. */
  get isOutdated(): boolean {
    const nowMs = this.#parts.clock();
    return [this.#live, this.#shadow?.name].some((name) => this.#judgedOf(name)?.isAsOf(nowMs) === false);
  }

  /** Calibrates what runs on what is normal here by now; it goes on scoring as it was meanwhile. */
  recalibrate(): Promise<void> {
    return this.#inTurn(async () => {
      for (const name of [this.#live, this.#shadow?.name]) {
        const running = name === undefined ? undefined : this.#loaded.get(name);
        if (running === undefined) continue;
        // Under its own name it takes the place of itself.
        const judged = await this.#judgedAfterLoading(running.model, running.judged);
        if (judged.ok) running.judged = judged.value;
        else {
          running.judged.bearUntil(this.#parts.clock() + retryMs);
          this.#parts.log.warn(faultFields(judged.fault), 'not calibrated anew, the model goes on as it was');
        }
      }
    });
  }

  /** Changes of models one at a time: what one of them loads, another must not forget. */
  #inTurn<Value>(change: () => Promise<Value>): Promise<Value> {
    const done = this.#changing.then(change);
    this.#changing = done.catch(() => undefined);
    return done;
  }

  async #judgedAfterLoading(model: ScoringModel, before: JudgedModel | undefined) {
    const loaded = await this.#kept(this.#parts.scorer.load(model, this.#parts.clock(), this.#recent));
    if (!loaded.ok) return loaded;
    const judged = new JudgedModel(model, loaded.value, this.#parts.threshold);
    judged.succeed(before);
    judged.follow(this.#levels);
    return ok(judged);
  }

  async #load(model: ScoringModel): Promise<Result<ModelName, ScoreFaultCode>> {
    const name = nameOf(model);
    if (this.#loaded.has(name)) return ok(name);
    const judged = await this.#judgedAfterLoading(model, this.#judgedOf(this.#live));
    if (!judged.ok) return judged;
    this.#loaded.set(name, { model, judged: judged.value });
    return ok(name);
  }

  async #swap(name: ModelName): Promise<Result<undefined, ScoreFaultCode>> {
    const { scorer, log } = this.#parts;
    const next = this.#loaded.get(name);
    if (next === undefined) return refuse('MODEL_NOT_LOADED', `${name} was not loaded; load it first`);
    const swapped = await this.#kept(scorer.swap(name));
    if (!swapped.ok) return swapped;
    const before = this.#live;
    this.#live = name;
    if (this.#shadow?.name === name) this.#shadow = undefined;
    if (before !== undefined && before !== name && before !== this.#shadow?.name) this.#loaded.delete(before);
    const { version, workloads } = next.judged;
    log.info({ track: this.#parts.track, version, workloads }, 'model scores now');
    await this.#countMissed(next.judged);
    return ok(undefined);
  }

  async #setShadow(name: ModelName | undefined, observe: ShadowObserver): Promise<Result<undefined, ScoreFaultCode>> {
    if (name !== undefined && !this.#loaded.has(name)) {
      return refuse('MODEL_NOT_LOADED', `${name} was not loaded; load it first`);
    }
    const set = await this.#kept(this.#parts.scorer.shadow(name));
    if (!set.ok) return set;
    const before = this.#shadow?.name;
    this.#shadow = name === undefined ? undefined : { name, observe };
    if (before !== undefined && before !== name && before !== this.#live) this.#loaded.delete(before);
    return ok(undefined);
  }

  async #drop(name: ModelName): Promise<void> {
    if (name === this.#live || name === this.#shadow?.name) return;
    await this.#parts.scorer.drop(name);
    this.#loaded.delete(name);
  }

  /** Whether a loaded model would be alarmed by each of these cases, as `JudgedModel.wouldAlarm`. */
  async assess(name: ModelName, cases: readonly unknown[]) {
    const judged = this.#judgedOf(name);
    if (judged === undefined) return refuse('MODEL_NOT_LOADED', `${name} was not loaded; load it first`);
    const scored = await this.#kept(this.#parts.scorer.assess(name, cases));
    return scored.ok ? ok(scored.value.map((one) => judged.wouldAlarm(one))) : scored;
  }

  hear(label: IntrusionLabel): void {
    const { track, log } = this.#parts;
    const alerts = this.#labels.hear(label);
    if (alerts.length > 0) log.info({ track, rule: label.rule, alerts }, 'another tool is alarmed about the same');
  }

  /** Examples that are normal as far as anybody knows: what is learnt from. */
  async judge(observations: readonly unknown[]): Promise<readonly unknown[]> {
    const { kind, log } = this.#parts;
    const examples = observations.map((one) => kind.exampleOf(one));
    if (this.#live === undefined || examples.length === 0) return examples;
    const scored = await this.#score(examples);
    if (!scored.ok) {
      log.warn(faultFields(scored.fault), 'observations could not be scored and are not learnt from');
      return [];
    }
    const { live, shadow } = scored.value;
    // The model that scored them judges them: by now another one may be live.
    const judged = this.#judgedOf(live.model);
    if (judged === undefined) throw new Error(`${live.model} scored and is not known`);
    const verdicts = observations.map((one, at) => this.#judgeOne(judged, one, live.scores[at] as PlaceScores));
    if (shadow !== undefined) this.#observe(judged, verdicts.flat(), live, shadow);
    const normal: unknown[] = [];
    for (const [at, example] of examples.entries()) {
      const alarms = (verdicts[at] as Verdict[]).filter(({ raised }) => raised);
      for (const alarm of alarms) {
        const isSaid = alarm.byRates && alarm.rates !== undefined && this.#parts.rates?.wasSaid(alarm.rates);
        if (isSaid !== true) await this.#raise(judged, observations[at], example, alarm);
      }
      const places = alarms.map(({ place }) => place);
      const rest = places.length === 0 ? example : kind.withoutPlaces?.(example, places);
      if (rest === undefined) continue;
      normal.push(rest);
      this.#remember(rest);
    }
    return normal;
  }

  /** Scores, and where the thread was lost brings it back with the models it held and asks again: the second time without the shadow. */
  async #score(examples: readonly unknown[]) {
    const { scorer } = this.#parts;
    let scored = await scorer.score(examples);
    for (let times = 0; times < 2 && isLost(scored) && (await this.#recover()); times++)
      scored = await scorer.score(examples);
    if (scored.ok && scored.value.shadow !== undefined) this.#returned = undefined;
    return scored;
  }

  /** The same answer; where it says that the thread was lost, over whatever question, what runs is brought back first. */
  async #kept<Value>(asked: Promise<Result<Value, ScoreFaultCode>>): Promise<Result<Value, ScoreFaultCode>> {
    const answer = await asked;
    if (isLost(answer)) await this.#recover();
    return answer;
  }

  #recover(): Promise<boolean> {
    this.#recovering ??= this.#reload().finally(() => {
      this.#recovering = undefined;
    });
    return this.#recovering;
  }

  async #reload(): Promise<boolean> {
    const { scorer, log, clock, track } = this.#parts;
    if (this.#shadow !== undefined && this.#shadow.name === this.#returned) {
      log.error({ track, shadow: this.#returned }, 'the scoring thread was lost again: its shadow runs no more');
      this.#shadow = undefined;
    }
    // Whatever else was loaded is to be loaded again: it may be what the thread was lost over.
    for (const name of this.#loaded.keys())
      if (name !== this.#live && name !== this.#shadow?.name) this.#loaded.delete(name);
    const live = this.#live === undefined ? undefined : this.#loaded.get(this.#live);
    if (live === undefined) return false;
    const loaded = await scorer.load(live.model, clock(), this.#recent);
    const swapped = loaded.ok ? await scorer.swap(nameOf(live.model)) : loaded;
    if (!swapped.ok) {
      log.error({ ...faultFields(swapped.fault), version: live.model.version }, 'the live model could not be reloaded');
      return false;
    }
    log.warn({ version: live.model.version }, 'the scoring thread was lost and is back with the live model');
    this.#returned = this.#shadow?.name;
    const shadow = this.#returned === undefined ? undefined : this.#loaded.get(this.#returned);
    if (shadow === undefined) return true;
    const beside = await scorer.load(shadow.model, clock(), this.#recent);
    if (isLost(beside)) return await this.#reload();
    if (beside.ok) await scorer.shadow(nameOf(shadow.model));
    return true;
  }

  #judgeOne(judged: JudgedModel, observation: unknown, { groups, scores }: PlaceScores): Verdict[] {
    const { kind, track, metrics, onRisk, rates: watch } = this.#parts;
    metrics.scored.inc({ track }, groups.length);
    return groups.map((group, place) => {
      const alone = scores[place] as number;
      const own = judged.of(group);
      const rates = kind.ratesOf === undefined ? undefined : watch?.see(kind.ratesOf(observation, place));
      const { lifted: score, risk, alarm, threshold, drifting, byRates } = judgeWith(own, alone, rates);
      this.#reportDrift(judged, group, drifting);
      if (risk !== undefined) onRisk(kind.subjectOf(observation, place), risk);
      return { place, score, threshold, raised: alarm, rates, byRates };
    });
  }

  #observe(judged: JudgedModel, verdicts: readonly Verdict[], live: ModelScores, shadow: ModelScores): void {
    const beside = this.#judgedOf(shadow.model);
    if (beside === undefined || this.#shadow?.name !== shadow.model) return;
    this.#shadow.observe(comparedWith(shadow, beside, { verdicts, scores: live, version: judged.version }));
  }

  #remember(example: unknown): void {
    this.#recent[this.#nextRecent] = example;
    this.#nextRecent = (this.#nextRecent + 1) % recentMax;
  }

  async #countMissed(judged: JudgedModel): Promise<void> {
    const { metrics, log } = this.#parts;
    const cases = this.#parts.regressionCases();
    const found = await this.assess(judged.name, cases);
    if (!found.ok) return;
    const missed = found.value.filter((alarm) => alarm === false).length;
    metrics.regressionMissed.set({ track: this.#parts.track }, missed);
    if (missed === 0) return;
    log.warn({ missed, cases: cases.length, version: judged.version }, 'confirmed intrusions that this model misses');
  }

  #judgedOf(name: ModelName | undefined): JudgedModel | undefined {
    return name === undefined ? undefined : this.#loaded.get(name)?.judged;
  }

  async #raise(
    judged: JudgedModel,
    observation: unknown,
    example: unknown,
    { place, score, threshold, rates }: Verdict,
  ): Promise<void> {
    const { kind, scorer, track, log, rates: watch } = this.#parts;
    const explained = await this.#kept(scorer.explain(judged.name, example, place));
    if (!explained.ok) log.warn(faultFields(explained.fault), 'an alert could not be explained');
    const described = kind.describe(observation, place);
    const subject = kind.subjectOf(observation, place);
    const id = alertId(track, described.identity);
    const alert = alertOf({
      id,
      track,
      modelVersion: judged.version,
      score,
      threshold,
      subject,
      described,
      why: explained.ok ? explained.value : undefined,
      rates: rates && watch?.explain(rates),
      remark: this.#parts.remark(observation),
      labels: this.#labels.rulesFor(id, subject, described),
      nowMs: this.#parts.clock(),
    });
    await this.accept(alert, kind.onlyPlace?.(example, place) ?? example);
  }

  /** Keeps an alert and says so; the same one again says nothing. */
  async accept(alert: Alert, example: unknown): Promise<void> {
    const { alerts, metrics, log } = this.#parts;
    if (!(await alerts.raise(alert, example))) return;
    const { id, track, score, threshold, subject } = alert;
    metrics.alerts.inc({ track });
    log.warn({ alert: id, track, score, threshold, ...subject }, 'alert');
  }

  #reportDrift(judged: JudgedModel, group: string, drifting: boolean): void {
    if (drifting === judged.drifting.has(group)) return;
    if (drifting) judged.drifting.add(group);
    else judged.drifting.delete(group);
    const { track, metrics, log } = this.#parts;
    metrics.drifting.set({ track }, judged.drifting.size);
    log.warn({ track, workload: group, drifting }, 'what is normal for a workload has moved');
  }
}
