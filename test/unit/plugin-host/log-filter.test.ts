import { atLogLevel, PLUGIN_LOG_LEVELS } from '../../../plugin-host/log-filter.ts';
import { HCLOG_LEVELS } from '../../../plugin-protocol/hclog.ts';
import { type LogEntry, recordLog } from '../../process/plugin-host/host-fixture.ts';

describe('the log level of a plugin', () => {
  test.each(PLUGIN_LOG_LEVELS.map((level, rank) => [level, HCLOG_LEVELS.slice(rank)] as const))(
    '%s lets %j through, to children as well',
    (level, shown) => {
      const entries: LogEntry[] = [];
      const logger = atLogLevel(recordLog(entries), level);
      for (const each of HCLOG_LEVELS) {
        logger[each]({ own: true }, each);
        logger.child({ plugin: 'A' })[each]({}, each);
      }
      expect(entries).toEqual(
        shown.flatMap((each) => [
          { level: each, message: each, own: true },
          { level: each, message: each, plugin: 'A' },
        ]),
      );
    },
  );
});
