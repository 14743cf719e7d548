import { z } from 'zod';

/** What `--json` prints where it is no message of the contract. `version` as in verb-shapes.ts. */
export type OwnShape = Readonly<{ shape: z.ZodType; each?: true; version: number }>;

export type OwnShapes = Readonly<Record<string, OwnShape>>;

export const ms = z.int().min(0).describe('milliseconds since the epoch');
export const count = z.int().min(0);
/** A position in the journal. */
export const sequence = z.int().min(0).describe('position in the journal; 0 for a dry run, and where nothing changed');
export const dryRun = z.boolean().describe('whether nothing was done');
export const fault = z.strictObject({ code: z.string(), message: z.string() });
