/** How the same detector does on the same unseen traces, by how it was trained. */
export type AucByTraining = Readonly<{
  localOnly: number;
  fedAvgUnderAttack: number;
  robustUnderAttack: number;
  robustNoAttack: number;
  pooled: number;
}>;

/** The closing table: one row per way of training, in the order in which they are told. */
export function aucRows(auc: AucByTraining): readonly Readonly<{ name: string; auc: number; note: string }>[] {
  return [
    { name: 'each cluster alone (mean)', auc: auc.localOnly, note: 'no federation' },
    {
      name: 'plain averaging, under attack',
      auc: auc.fedAvgUnderAttack,
      note: 'what a coordinator that trusts everyone gets',
    },
    { name: 'robust rule, under attack', auc: auc.robustUnderAttack, note: 'the run above' },
    { name: 'robust rule, no attack', auc: auc.robustNoAttack, note: 'what the attackers cost' },
    { name: 'all data in one place', auc: auc.pooled, note: 'what nobody may do' },
  ];
}
