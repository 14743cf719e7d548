/** What a run is for: to learn which tests reach which mutants, or to ask tests of mutants. */
export type Plan = Readonly<
  | { kind: 'reach' }
  | {
      kind: 'ask';
      tests: Readonly<Record<string, { limitMs: number; mutants: readonly [id: string, hits: number][] }>>;
    }
>;

/** What the runner notes as it goes: a process may end at any line. */
export type Line = Readonly<
  | { kind: 'reach'; test: string; name: string; file: string; ms: number; hits: Readonly<Record<string, number>> }
  | { kind: 'loaded'; file: string; ids: readonly string[] }
  | { kind: 'began' | 'survived'; id: string; test: string }
  | { kind: 'killed'; id: string; test: string; why: string }
  | { kind: 'spoilt'; test: string; by: string }
>;
