export const edition = "unstamped";

export const ferries = [
  { name: "north", pier: "North pier", leaves: ["07:10", "11:40", "18:05"] },
  { name: "island", pier: "Old harbour", leaves: ["09:00", "16:30"] },
];
