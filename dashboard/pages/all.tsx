import type { ComponentChildren } from 'preact';
import type { SessionShape } from '../../coordinator/web/shapes.ts';
import { AlertsPage } from './alerts.tsx';
import { AntibodiesPage } from './antibodies.tsx';
import { AuditPage } from './audit.tsx';
import { ClustersPage } from './clusters/clusters.tsx';
import { MapPage } from './map.tsx';
import { OverviewPage } from './overview.tsx';
import { ReleasesPage } from './releases.tsx';
import { RoundsPage } from './rounds/rounds.tsx';

/** The pages, in the order of the menu. */
export const sections = [
  { path: '', name: 'Overview' },
  { path: 'rounds', name: 'Rounds' },
  { path: 'releases', name: 'Releases' },
  { path: 'clusters', name: 'Clusters' },
  { path: 'alerts', name: 'Alerts and approvals' },
  { path: 'antibodies', name: 'Antibodies' },
  { path: 'map', name: 'Map' },
  { path: 'audit', name: 'Audit' },
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
    case 'clusters':
      return <ClustersPage words={words} mayAct={mayAct} />;
    case 'alerts':
      return <AlertsPage />;
    case 'antibodies':
      return <AntibodiesPage words={words} mayAct={mayAct} />;
    case 'map':
      return <MapPage words={words} />;
    case 'audit':
      return <AuditPage />;
    default:
      return <h1>There is no such page</h1>;
  }
}
