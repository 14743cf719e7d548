import type { DatabaseGround } from './ground/database/database-ground.ts';
import type { Stage } from './invariants/stage.ts';
import type { Deed } from './plan.ts';
import type { SimulatedCoordinator } from './players/coordinator.ts';

const minuteMs = 60_000;
/** A leader that is well has beaten twice within this, and so learnt what became of its database. */
const noticesWithin = 6;
const cancellations = 8;
const cancelEveryMs = 400;

/** Does to a database what a plan says; gives how to undo it. */
export function beginOnDatabase(deed: Extract<Deed, { kind: 'database' }>, stage: Stage): (() => void) | undefined {
  const { database: ground, coordinators, world } = stage;
  const line = ground?.lines.get('coordinator');
  if (ground === undefined || line === undefined || ground.rolledBack !== undefined) return undefined;
  const { database } = ground;
  switch (deed.act) {
    case 'answerLost':
      line.loses = deed.count;
      return undefined;
    case 'coordinatorKilled':
      line.kills = deed.count;
      return undefined;
    case 'requestsHeld':
      line.mood = 'held';
      return () => line.heal();
    case 'answersHeld':
      line.mood = 'deaf';
      return () => line.heal();
    case 'lineCut':
      line.cut();
      return () => line.heal();
    case 'crash':
      database.crash();
      return () => database.startAgain();
    case 'full':
      database.isFull = true;
      return () => {
        database.isFull = false;
      };
    case 'standbyAway':
      database.standbyAway = true;
      return () => {
        database.standbyAway = false;
      };
    case 'waitsCancelled':
      line.atLines = () => {
        database.standbyAway = true;
        // Again and again: what it asks after that waits too.
        for (let at = 1; at < cancellations; at += 1) world.after(at * cancelEveryMs, () => database.cancelWaits());
        world.after(cancellations * cancelEveryMs, () => {
          database.standbyAway = false;
        });
      };
      return undefined;
    case 'noStandbyNamed':
      if (!database.isReplicated) return undefined;
      // Operators do it because what is written waits for one that is away.
      line.atLines = () => {
        database.standbyAway = true;
        world.after(cancelEveryMs, () => {
          if (database.isStandbyAway) database.standbyNames = '';
        });
        world.after(deed.forMs, () => {
          database.standbyAway = false;
          database.standbyNames = 'second';
        });
      };
      return undefined;
    case 'failOver':
      return failOver(ground, deed.forMs, stage);
    case 'standby': {
      const rival = coordinators[1] as SimulatedCoordinator;
      if (rival.process?.isAlive === true) return undefined;
      rival.how = 'standby';
      rival.start();
      return () => rival.stop();
    }
  }
}

/** The standby is promoted. A synchronous one lacks nothing; another one may, and then operators bring the old one back. */
function failOver(ground: DatabaseGround, forMs: number, stage: Stage): (() => void) | undefined {
  const { database } = ground;
  if (database.standby === undefined) return undefined;
  if (database.isReplicated) {
    database.promote();
    return () => database.makeStandby();
  }
  database.standbyAway = true;
  stage.world.after(forMs, () => {
    const there = database.standby?.journal;
    const { rows, epoch } = database.primary.journal;
    // Where it lacks a beat alone nobody can tell, and nothing is lost.
    if (database.isUp && there !== undefined && (there.rows.length < rows.length || there.epoch < epoch)) {
      promoteLagging(ground, stage);
    } else database.standbyAway = false;
  });
  return undefined;
}

function promoteLagging(ground: DatabaseGround, { coordinators, history, report, world }: Stage): void {
  const { database } = ground;
  const old = database.primary;
  const [first, rival] = coordinators as [SimulatedCoordinator, SimulatedCoordinator];
  rival.stop();
  first.leaveAlone();
  database.crash();
  const { rows, epoch } = database.standby?.journal ?? old.journal;
  const bringBack = () => {
    ground.rolledBack = undefined;
    database.bringBack(old);
    database.standbyAway = false;
    first.start();
  };
  ground.rolledBack = { rows: rows.length, epoch, bringBack };
  history.note('database', `a standby is promoted that lacks ${old.journal.rows.length - rows.length} lines`);
  database.promote();
  let wellFor = 0;
  const look = () => {
    if (ground.rolledBack?.bringBack !== bringBack) return;
    if (first.process?.isAlive !== true) {
      bringBack();
      return;
    }
    const line = ground.lines.get(first.name);
    wellFor = first.process.isPaused || line?.mood !== 'well' || !database.isUp ? 0 : wellFor + 1;
    if (wellFor > noticesWithin)
      report('ROLL_BACK_UNSEEN', 'the coordinator goes on over what lacks acknowledged lines');
    world.after(minuteMs, look);
  };
  world.after(5 * minuteMs, look);
}
