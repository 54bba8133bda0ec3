import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import { type CallEvent, publish } from '../../../plugin-host/events.ts';

const event: CallEvent = { generation: 1, method: '/a.B/C', outcome: 'ok', ms: 1 };

describe('diagnostics channels', () => {
  test('R-HOST-21 without a subscriber nothing is made', () => {
    const message = jest.fn(() => event);
    publish('call', 'TEST', message);
    expect(message).not.toHaveBeenCalled();
  });

  test('with one, the message carries the plugin’s name', () => {
    const messages: unknown[] = [];
    const note = (message: unknown): void => void messages.push(message);
    subscribe('plugin-host:call', note);
    publish('call', 'TEST', () => event);
    publish('state', 'TEST', () => ({ name: 'starting', generation: 1 }));
    unsubscribe('plugin-host:call', note);
    publish('call', 'TEST', () => event);
    expect(messages).toEqual([{ ...event, plugin: 'TEST' }]);
  });
});
