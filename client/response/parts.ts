import { jsonPage, type Pages } from '../../base/serving/http-server.ts';
import type { AgentConfig } from './agent-config.ts';
import type { Part } from './part.ts';
import type { Quarantine } from './quarantine/quarantine.ts';
import type { watchedRotation } from './rotation-view.ts';

export type PartsPorts = Readonly<{
  config: AgentConfig;
  rotation: ReturnType<typeof watchedRotation>;
  /** undefined where the agent quarantines nothing. */
  quarantine: Quarantine | undefined;
}>;

// biome-ignore lint/suspicious/noExplicitAny: each part's state is its own.
type AnyPart = Part<any, any>;

/** Everything that the agent does, and what it serves about it. */
export function openParts({ config, rotation, quarantine }: PartsPorts) {
  // Who is suspect goes first: what rotates next is looked at with its mark on it.
  const parts: AnyPart[] = quarantine === undefined ? [] : [quarantine.part];
  if (config.rotation.mode !== 'off') parts.push(rotation.part);
  const pages: Pages = {
    '/rotation': () => jsonPage(rotation.page()),
    ...(quarantine === undefined ? {} : { '/quarantine': () => jsonPage(quarantine.page()) }),
  };
  return { parts, pages };
}
