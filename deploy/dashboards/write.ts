/**
 * `npm run dashboards`: writes the dashboard and the alarms into deploy/dashboards/, and into the chart, which can read only
 * files of its own.
 */
import { writeFileSync } from 'node:fs';
import { generated } from './generated-files.ts';

for (const [path, text] of generated()) writeFileSync(path, text);
