/** The plan of the garden on the home page: a drawing, made of numbers rather than of a file. */

const space = "http://www.w3.org/2000/svg";

function shape(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(space, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/** What grows in each bed, row by row; `-` waits for somebody. */
const beds = ["02143010", "1-402311", "301204-2"];

/** Draws the plan into the page's `<svg>`. */
export function drawPlan(svg: SVGElement): void {
  svg.append(
    shape("rect", { class: "soil", width: 480, height: 360, rx: 24 }),
    shape("path", { class: "path", d: "M0 128H480M0 236H480M372 128V26H480" }),
    shape("rect", { class: "shed", x: 398, y: 42, width: 60, height: 62, rx: 6 }),
    shape("path", { class: "roof", d: "M404 73H452M428 48V98" }),
  );
  beds.forEach((row, y) => {
    // The shed stands where the first row would go on.
    [...row.slice(0, y === 0 ? 6 : 8)].forEach((crop, x) => {
      svg.append(...bed(24 + x * 56, 30 + y * 108, crop));
    });
  });
}

function bed(x: number, y: number, crop: string): SVGElement[] {
  const free = crop === "-";
  const frame = { class: free ? "bed is-free" : "bed", x, y, width: 42, height: 84, rx: 8 };
  const plants: SVGElement[] = [];
  for (let plant = 0; !free && plant < 15; plant += 1) {
    const radius = 4 + ((plant * 7 + x) % 3);
    const [column, line] = [plant % 3, Math.floor(plant / 3)];
    plants.push(
      shape("circle", {
        class: `leaf-${crop}`,
        cx: x + 9 + column * 12,
        cy: y + 11 + line * 15.5,
        r: radius,
      }),
    );
  }
  return [shape("rect", frame), ...plants];
}
