import type { Actor } from '../journal/events.ts';

/** How an actor is named to people. */
export function nameOf(actor: Actor): string {
  switch (actor.kind) {
    case 'operator':
      return actor.name;
    case 'cluster':
      return actor.cluster;
    case 'door':
      return actor.name;
    case 'stranger':
      return actor.address;
    case 'coordinator':
      return 'coordinator';
  }
}
