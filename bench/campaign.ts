#!/usr/bin/env node
/**
 * The long forms of tests, for hours rather than minutes. Each writes its part of docs/benchmarks/faults.md and exits with 1 when
 * anything was lost or broken:
 *
 *     node bench/campaign.ts [kills]     coordinators on a data directory, killed: kills/kills-campaign.ts
 *     node bench/campaign.ts cluster     the same on PostgreSQL: cluster/campaign.ts
 *     node bench/campaign.ts cluster soak     rounds and takeovers for hours: cluster/soak-campaign.ts
 *     node bench/campaign.ts siege       rounds while others hold its ports: siege/siege-campaign.ts
 *     node bench/campaign.ts days        simulated days, as many as the time lets: days/days-campaign.ts
 */
import { clusterCampaign } from './cluster/campaign.ts';
import { daysCampaign } from './days/days-campaign.ts';
import { endWithChildren } from './harness/end-with-children.ts';
import { killsCampaign } from './kills/kills-campaign.ts';
import { siegeCampaign } from './siege/siege-campaign.ts';

const campaigns: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  kills: killsCampaign,
  cluster: clusterCampaign,
  siege: siegeCampaign,
  days: daysCampaign,
};

const args = process.argv.slice(2);
const name = args[0] === undefined || args[0].startsWith('--') ? 'kills' : (args.shift() as string);
const campaign = campaigns[name];
if (campaign === undefined) {
  process.stderr.write(`${JSON.stringify(name)} is no campaign; there are ${Object.keys(campaigns).join(', ')}\n`);
  process.exit(2);
}
endWithChildren();
await campaign(args);
process.exit();
