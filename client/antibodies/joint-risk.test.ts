import { describe, expect, it } from 'vitest';
import { jointRisk } from './joint-risk.ts';

describe('jointRisk', () => {
  it('keeps the order that the model gives, where antibodies say the same', () => {
    const risks = [-3, -0.5, 0, 0.2, 0.99, 1, 1.01, 4, 60];
    for (const ofAntibodies of [0, 0.7, 3]) {
      const joint = risks.map((risk) => jointRisk(risk, ofAntibodies));
      expect(joint.toSorted((a, b) => a - b)).toEqual(joint);
      expect(new Set(joint).size).toBe(risks.length);
    }
  });

  it('rises with what antibodies say, however usual or unusual the model finds a place', () => {
    for (const risk of [-3, 0, 0.5, 2, 60]) expect(jointRisk(risk, 0.1)).toBeGreaterThan(jointRisk(risk, 0));
  });

  it('puts what both find unusual above what one of them finds twice as unusual', () => {
    expect(jointRisk(1, 1)).toBeGreaterThan(jointRisk(2, 0));
    expect(jointRisk(1, 1)).toBeGreaterThan(jointRisk(0, 1.1));
  });
});
