/** One round of one track, as the report tells it. */
export type DemoRound = Readonly<{
  round: number;
  /** How many sealed updates the coordinator took and gave a receipt for. */
  accepted: number;
  refused: readonly Readonly<{ cluster: string; code: string }>[];
  selected: readonly string[];
  excluded: readonly string[];
  /** One sentence per cluster that was refused or excluded. */
  because: readonly Readonly<{ cluster: string; reason: string }>[];
  stragglers: readonly string[];
  /** What each hostile cluster did. */
  attacks: readonly Readonly<{ cluster: string; attack: string }>[];
  seconds: number;
  /** AUC of the candidate on unseen traces. */
  auc: number;
}>;
