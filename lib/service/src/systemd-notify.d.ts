declare module 'systemd-notify' {
  export default function systemdNotify(options: {
    ready?: boolean;
    status?: string;
    pid?: number;
    booted?: boolean;
  }): Promise<unknown>;
}
