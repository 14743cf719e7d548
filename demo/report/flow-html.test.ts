import { describe, expect, it } from 'vitest';
import { flowSection } from './flow-html.ts';
import type { FlowReport, MovementReport } from './flow-report.ts';
import type { DemoReport } from './report.ts';

const aucs = { localOnly: 0.71, fedAvgUnderAttack: 0.72, robustUnderAttack: 0.73, robustNoAttack: 0.74, pooled: 0.75 };
const movement = (edges: number): MovementReport => ({
  ownClusters: { edges, benign: 336, auc: aucs, foundAt1: 0.5, baseline: { seenPair: 0.9, seenService: 0.91 } },
  firstDay: { edges: 10, benign: 189, auc: aucs, baseline: { seenPair: 0.5 } },
});
const flow: FlowReport = {
  detector: 'gat',
  rounds: [],
  flowsOf: { 'node-0': 'c01' },
  leftOut: ['c09'],
  sameClusters: false,
  auc: aucs,
  linkPrediction: { edges: 8, nonEdges: 62, baseline: { seenPair: 0.5, commonNeighbours: 0.6 } },
  lateralMovement: { recorded: movement(11), injected: movement(26) },
  explanation: {
    cluster: 'node-0',
    injected: true,
    text: 'workload /<b>php called redis',
    svg: '<svg></svg>',
    path: ['php', 'redis'],
  },
};
const report = (part: Partial<DemoReport>) => part as DemoReport;

describe('flowSection', () => {
  it('says what was injected, whose flows they are, and prints the baselines beside', () => {
    const html = flowSection(report({ flow }));
    for (const part of ['they\nnever happened', 'node-0 has c01', '0.730', '0.600', '(11 among 336)', '<svg></svg>']) {
      expect(html).toContain(part);
    }
    expect(html).toContain('workload /&lt;b&gt;php called redis');
  });

  it('is absent where the track was left out, and says where there was nothing to judge', () => {
    expect(flowSection(report({}))).toBe('');
    const none = { ...flow, auc: { ...aucs, robustUnderAttack: Number.NaN }, explanation: undefined };
    expect(flowSection(report({ flow: none }))).toContain('none to judge');
  });
});
