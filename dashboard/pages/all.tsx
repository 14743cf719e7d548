import type { ComponentChildren } from 'preact';
import type { SessionShape } from '../../coordinator/web/shapes.ts';
import { OverviewPage } from './overview.tsx';
import { ReleasesPage } from './releases.tsx';
import { RoundsPage } from './rounds.tsx';

/** The pages, in the order of the menu. */
export const sections = [
  { path: '', name: 'Overview' },
  { path: 'rounds', name: 'Rounds' },
  { path: 'releases', name: 'Releases' },
] as const;

/** The page that the words of an address mean. */
export function pageOf([section = '', ...words]: readonly string[], { role }: SessionShape): ComponentChildren {
  const mayAct = role !== 'viewer'; // The coordinator has the last word.
  switch (section) {
    case '':
      return <OverviewPage />;
    case 'rounds':
      return <RoundsPage words={words} mayAct={mayAct} />;
    case 'releases':
      return <ReleasesPage words={words} mayAct={mayAct} />;
    default:
      return <h1>There is no such page</h1>;
  }
}
