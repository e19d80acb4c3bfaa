export const dishes = [
  { name: "Soup of the day", minutes: 20 },
  { name: "Bread from the oven", minutes: 45 },
  { name: "Pears in wine", minutes: 30 },
];
