import { join, normalize } from 'node:path/posix';
import type { Mention } from '../imports.ts';
import {
  closedToAggregation,
  closedToGrpc,
  type Law,
  leaves,
  mayImportComputed,
  neutralFolders,
  shapesOfPages,
} from './house.ts';
import { isTestCode } from './reading.ts';

/** Named by its ending: what is read as data is no module, and may be one of many. */
const dataFile = /\.(?:json|tsv|csv|gz|wasm)$/;

/** Why a module of a top folder may not name this one; undefined where it may. */
export function objection(file: string, { specifier }: Mention, { allowed }: Law): string | undefined {
  const from = topOf(file);
  if (specifier === undefined) {
    return mayImportComputed.has(file) ? undefined : 'imports a computed target, which no check can follow';
  }
  if (specifier.includes('${') && !dataFile.test(specifier)) return `names a module by a computed name: ${specifier}`;
  if (specifier.startsWith('#')) return leaves.has(specifier) ? undefined : `imports ${specifier}, not a known leaf`;
  if (from === 'aggregation' && closedToAggregation.test(specifier)) return `aggregation does no I/O: ${specifier}`;
  if (specifier === '@grpc/grpc-js' && closedToGrpc.test(file) && !isTestCode(file))
    return `this room knows no gRPC: ${specifier}`;
  if (/^(?:\/|file:)/.test(specifier)) return `names a place on one machine: ${specifier}`;
  if (!/^\.{1,2}\//.test(specifier)) return undefined; // A package or a built-in module.
  const target = normalize(join(file, '..', specifier));
  if (isTestCode(target) && !isTestCode(file)) return `the product may not import test code: ${specifier}`;
  const to = topOf(target);
  if (from === 'dashboard' && to === 'coordinator' && target !== shapesOfPages)
    return `pages know of the coordinator what ${shapesOfPages} says: ${specifier}`;
  if (to === from || allowed[from]?.includes(to) || neutralFolders.has(to)) return undefined;
  if (to === '..') return `leaves the checkout: ${specifier}`;
  // A file beside package.json belongs to nobody.
  return to.includes('.') ? undefined : `${from} may not import ${to}: ${specifier}`;
}

function topOf(file: string): string {
  return file.split('/')[0] ?? '';
}
