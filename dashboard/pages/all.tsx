import type { ComponentChildren } from 'preact';
import type { SessionShape } from '../../coordinator/web/shapes.ts';
import { OverviewPage } from './overview.tsx';

/** The pages, in the order of the menu. */
export const sections = [{ path: '', name: 'Overview' }] as const;

/** The page that the words of an address mean. */
export function pageOf([section = '']: readonly string[], _session: SessionShape): ComponentChildren {
  if (section === '') return <OverviewPage />;
  return <h1>There is no such page</h1>;
}
