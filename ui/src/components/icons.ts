// 24-unit line icons. A new one is one row of path data; circles are written as two arcs.

const circle = (x: number, y: number, r: number) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;

export const icons = {
  today: "M3 10.5 12 4l9 6.5V20a1 1 0 0 1-1 1h-5v-6H9v6H4a1 1 0 0 1-1-1z",
  accounts: `${circle(8, 15, 4)}M11 12l8-8m-3 3 3 3m-6 0 2 2`,
  upgrade: "M12 20V5m-6 6 6-6 6 6",
  backups: "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.600 3-8 3-8-1.300-8-3zm0 0v12c0 1.700 3.600 3 8 3s8-1.300 8-3V6M4 12c0 1.700 3.600 3 8 3s8-1.300 8-3",
  reconcile: "M5 7h14M5 7l-2.500 6h5zm14 0-2.500 6h5zM12 3v18m-4 0h8",
  log: "M6 3h9l4 4v14H6zM9 11h7M9 15h7",
  practice: "M12 3 2 8l10 5 10-5zM6 10.500V16c0 1.500 3 3 6 3s6-1.500 6-3v-5.500",
  settings: `${circle(12, 12, 3)}M12 3v3m0 12v3M3 12h3m12 0h3M5.600 5.600l2.100 2.100m8.600 8.600 2.100 2.100m0-12.800-2.100 2.100m-8.600 8.600-2.100 2.100`,
  companies: "M4 21V9l6-4 6 4v12M16 21V12h4v9M2 21h20M8 11v.1M12 11v.1M8 15v.1M12 15v.1",
  ok: "m5 12.500 4.500 4.500L19 7.500",
  warn: "M12 4 2.500 20h19zM12 10v4m0 3v.1",
  info: `${circle(12, 12, 9)}M12 11v5m0-8v.1`,
  wait: `${circle(12, 12, 9)}M12 7v5l3 2`,
  stop: "M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 8v5m0 3v.1",
  close: "M6 6l12 12M18 6 6 18",
  down: "m7 10 5 5 5-5",
  right: "m10 7 5 5-5 5",
  arrow: "M4 12h15m-6-6 6 6-6 6",
  back: "M20 12H5m6 6-6-6 6-6",
  key: `${circle(8, 15, 4)}M11 12l8-8m-3 3 3 3`,
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  search: `${circle(11, 11, 6.5)}M16 16l4.500 4.500`,
  file: "M6 3h8l5 5v13H6zM14 3v5h5",
  folder: "M3 6h6l2 2.500h10V19H3z",
  shield: "M12 3l8 3v6c0 4.500-3.200 7.600-8 9-4.800-1.400-8-4.500-8-9V6z",
  restore: "M4 12a8 8 0 1 0 2.600-5.900M4 4v4.500h4.500M12 8v4.500l3 2",
  pause: "M8 5v14M16 5v14",
  refresh: "M20 11a8 8 0 0 0-14.300-4L4 9m0-5v5h5M4 13a8 8 0 0 0 14.300 4L20 15m0 5v-5h-5",
  dash: "M6 12h12",
  undo: "M9 14 4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3",
} as const;

export type IconName = keyof typeof icons;
