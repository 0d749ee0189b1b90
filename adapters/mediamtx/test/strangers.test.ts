import { describe, expect, it } from 'vitest';
import type { OpenSocket } from '../src/sockets.ts';
import { CameraAddresses, hostOf, strangers } from '../src/strangers.ts';
import { planned } from './support/planned.ts';

const to = (peer: string, port = 40_000): OpenSocket => ({
  kind: 'tcp',
  listening: false,
  address: '10.0.0.1',
  port,
  peer,
});
const door = planned({ id: 'door', url: 'rtsp://10.0.0.5/main' });
const yard = planned({ id: 'yard', url: 'rtsps://nvr.lan/1' });
const addresses = new CameraAddresses(async (name) => (name === 'nvr.lan' ? ['10.0.0.7', '10.0.0.8'] : []));

describe('strangers', () => {
  it.each([
    ['rtsp://10.0.0.5/x', { host: '10.0.0.5', port: 554 }],
    ['rtsps://cam.lan', { host: 'cam.lan', port: 322 }],
    ['rtsp://[2001:db8:0::1]:8554/', { host: '2001:db8::1', port: 8554 }],
  ])('%s is at %j', (url, at) => {
    expect(hostOf(url)).toEqual(at);
  });

  it('are peers that are no camera; whom they took away is the camera online without a connection', async () => {
    const cameras = [door, yard];
    await addresses.refresh(cameras, 0);
    const look = (sockets: OpenSocket[], online = ['door', 'yard']) =>
      strangers(sockets, 8554, cameras, new Set(online), addresses);
    expect(look([to('10.0.0.5:554'), to('10.0.0.8:322')])).toEqual({ peers: [], misled: [] });
    expect(look([to('10.0.0.5:554'), to('10.0.0.9:554')])).toEqual({
      peers: ['10.0.0.9:554'],
      misled: ['yard'],
    });
    expect(look([to('10.0.0.9:554')], ['door'])).toEqual({ peers: ['10.0.0.9:554'], misled: ['door'] });
    // Another port of a camera's is somebody else.
    expect(look([to('10.0.0.5:80'), to('10.0.0.7:322')]).misled).toEqual(['door']);
    // Readers come to our port.
    expect(look([to('127.0.0.1:50000', 8554)], ['door'])).toEqual({ peers: [], misled: [] });
  });

  it('need not be strangers: a camera that sends MediaMTX to another camera is found as well', async () => {
    const cameras = [door, yard];
    await addresses.refresh(cameras, 0);
    const look = (...sockets: OpenSocket[]) =>
      strangers(sockets, 8554, cameras, new Set(['door', 'yard']), addresses);
    expect(look(to('10.0.0.7:322'), to('10.0.0.7:322'))).toEqual({ peers: [], misled: ['door'] });
    // Where its connections cannot be seen, nobody is accused.
    expect(look()).toEqual({ peers: [], misled: [] });
  });

  it('counts the streams of one device', async () => {
    const twin = planned({ id: 'sub', url: 'rtsp://10.0.0.5/sub' });
    const online = new Set(['door', 'sub']);
    const look = (sockets: OpenSocket[]) => strangers(sockets, 8554, [door, twin], online, addresses).misled;
    expect(look([to('10.0.0.5:554'), to('10.0.0.5:554'), to('10.0.0.9:1')])).toEqual([]);
    expect(look([to('10.0.0.5:554'), to('10.0.0.9:1')])).toEqual(['door', 'sub']);
  });
});
