import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Adapter, of } from './support/adapter.ts';
import { type CameraServer, missing, startCamera } from './support/cameras.ts';

describe.skipIf(missing !== '')(`how RTP travels${missing}`, () => {
  let udpOnly: CameraServer;
  let tls: CameraServer;
  let adapter: Adapter;
  beforeAll(async () => {
    [udpOnly, tls] = await Promise.all([startCamera({ transport: 'udp' }), startCamera({ tls: true })]);
    adapter = await Adapter.create();
    await adapter.start();
  });
  afterAll(async () => {
    await adapter?.stop();
    await Promise.all([udpOnly?.stop(), tls?.stop()]);
  });

  it('a camera that refuses TCP is asked over UDP when the choice is ours, and the choice is kept', async () => {
    await adapter.apply([of(udpOnly, { id: 'free' }), of(udpOnly, { id: 'told', transport: 1 })]);
    await adapter.online('free');
    await adapter.state('told', ({ state }) => state === 3, 'has failed');
    expect(adapter.config()).toContain('"via":"udp"');
    const { listeners } = await adapter.call<object, { listeners: string[] }>(adapter.client.getEngine, {});
    expect(listeners).toHaveLength(4);
    await adapter.kill();
    await adapter.start();
    await adapter.online('free');
  });

  it('a camera that is to be asked over UDP is', async () => {
    await adapter.apply([of(udpOnly, { id: 'udp', transport: 2 })]);
    await adapter.online('udp');
  });

  it('rtsps:// is pinned to one certificate', async () => {
    await adapter.apply([
      of(tls, { id: 'pinned', tlsFingerprint: tls.fingerprint.toUpperCase() }),
      of(tls, { id: 'other', tlsFingerprint: 'ab'.repeat(32) }),
    ]);
    await adapter.online('pinned');
    await adapter.state(
      'other',
      ({ state, reason }) => state === 3 && reason === 8,
      'has failed for its certificate',
    );
  });
});
