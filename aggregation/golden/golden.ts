import { readFileSync } from 'node:fs';
import { memoryBlocks, type UpdateBlocks } from '../blocks/blocks.ts';

/**
 * Golden cases: small inputs, and what plain float64 implementations written after the papers make of them. Made for this
 * project in Python and cross-checked with byzfl and Flower; README.md here says what was left open and chosen.
 */
export type GoldenInput = Readonly<{ n: number; d: number; byzantine: number; note: string; vectors: number[][] }>;

export function goldenCases<Case>(name: string): Case[] {
  return JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8')) as Case[];
}

const inputs = JSON.parse(readFileSync(new URL('inputs.json', import.meta.url), 'utf8')) as Record<string, GoldenInput>;

/** Values are float32 written in full, so nothing is rounded. */
export function goldenVectors(name: string): Float32Array[] {
  const input = inputs[name];
  if (input === undefined) throw new RangeError(`no golden input ${name}`);
  return input.vectors.map((vector) => Float32Array.from(vector));
}

export function goldenBlocks(name: string): UpdateBlocks {
  const blocks = memoryBlocks(goldenVectors(name));
  if (!blocks.ok) throw new RangeError(blocks.fault.message);
  return blocks.value;
}

/** The largest magnitude of an input, which golden tolerances are relative to. */
export function goldenScale(name: string): number {
  return goldenVectors(name).reduce(
    (most, vector) => vector.reduce((m, value) => Math.max(m, Math.abs(value)), most),
    0,
  );
}
