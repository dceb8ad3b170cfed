/** The line icons, drawn here so that no page waits for a font or a sheet of pictures. */

const paths = {
  back: "M15 5l-7 7 7 7",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5a2.2 2.2 0 0 0 4 0",
  billing: "M6 3h12v18l-3-2-3 2-3-2-3 2zM9.5 8h5M9.5 12h5",
  booking: "M4 6h16v14H4zM4 10.5h16M8 3.5v4M16 3.5v4M9 15.5l2 2 4-4",
  chat: "M4 5h16v11H10l-4.5 4v-4H4z",
  clip: "M8 12.5l6-6a3 3 0 0 1 4.3 4.3l-8 8a5 5 0 0 1-7-7l7.5-7.5",
  close: "M6 6l12 12M18 6L6 18",
  delivery:
    "M3 7h11v10H3zM14 10h4l3 3v4h-7zM7 20a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM17 20a2 2 0 1 0 0-4 2 2 0 0 0 0 4z",
  down: "M6 9l6 6 6-6",
  event: "M12 3l2.7 5.6 6.1.8-4.5 4.3 1.1 6.1L12 16.9 6.6 19.8l1.1-6.1L3.2 9.4l6.1-.8z",
  link: "M9 5H5v14h14v-4M13 5h6v6M19 5l-9 9",
  megaphone: "M4 10v4h3l9 5V5l-9 5zM7 14l1.5 5M19 9.5a4 4 0 0 1 0 5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  muted: "M6 16V11a6 6 0 0 1 9-5.2M18 11v5H8M4 4l16 16M10 20.5a2.2 2.2 0 0 0 4 0",
  notice: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8h.01",
  pencil: "M5 19l1-4L16.5 4.5l3 3L9 18z",
  pin: "M9 4h6l-1 6 4 4H6l4-4zM12 14v6",
  security: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4",
  send: "M4 12l16-8-5 16-3.5-6.5zM11.5 13.5L20 4",
  tick: "M5 12.5l4.5 4.5L19 7.5",
  warning: "M12 4l9 16H3zM12 10v4.5M12 17.3h.01",
  weather: "M7 18a4 4 0 0 1 0-8 5.5 5.5 0 0 1 10.5 1.5A3.5 3.5 0 0 1 17 18zM12 21v.01M8 21v.01M16 21v.01",
} as const;

export type Icon = keyof typeof paths;

const space = "http://www.w3.org/2000/svg";

export function icon(name: Icon): SVGSVGElement {
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}
