import type { Machine } from '../harness/machine.ts';

/** SIGKILLs, by whom they met. */
export type Killed = Readonly<{ agent: number; 'API server': number }>;

/** What one turn did, and what it found wrong. `seconds`: of the wall's clock. */
type Turn<Figures> = Figures & Readonly<{ wrong: readonly string[]; machine: Machine; seconds: number }>;

/** Every step of a rotation and of a quarantine once, of either side, on a control plane of one lane. */
export type KillTurn = Turn<Readonly<{ rotation: Killed; quarantine: Killed; replaced: number; quarantined: number }>>;
/** Histories of the seeds after `from`. */
type Histories = Readonly<{ from: number; histories: number; faults: string }>;
export type RotationTurn = Turn<
  Histories & Readonly<{ rotations: number; putBack: number; overBound: Readonly<Record<string, number>> }>
>;
export type QuarantineTurn = Turn<Histories & Readonly<{ marked: number; spent: number }>>;

export type Kept = Readonly<{
  kills: readonly KillTurn[];
  rotation: readonly RotationTurn[];
  quarantine: readonly QuarantineTurn[];
}>;
export type PartName = keyof Kept;
