"""The plots of our stories: beats, each with several ways to tell it. Ours; Apache-2.0.

``{slots}`` are filled by `stories`; ``[this|that]`` is a choice made anew each time; an empty
way leaves its beat out. Slots of the hero are bare (``{N}`` name, ``{he}`` ``{him}`` ``{his}``),
those of a friend begin with ``f_`` and those of somebody met on the way with ``k_``;
``{NN}``, ``{He}`` and ``{His}`` begin a sentence.
"""

# ruff: noqa: E501 - a sentence is one line
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """``about`` says it in a few words, as somebody would ask for the story."""

    about: tuple[str, ...]
    beats: tuple[tuple[str, ...], ...]
    # A plot that begins at night does not go with an opening in the morning.
    night: bool = False


OPENINGS = (
    "Once upon a time, there was {first}.",
    "Once upon a time there was {first}.",
    "Once upon a time there lived {first}.",
    "Once upon a time, {in_place}, there lived {first}.",
    "Once upon a time there was {first} who lived {in_place}.",
    "Once upon a time {first} lived {in_place}.",
    "Long ago, {in_place}, there lived {first}.",
    "Long, long ago there was {first}.",
    "There was once {first} who lived {in_place}.",
    "{in_place} lived {first}.",
    "Far away, {in_place}, lived {first}.",
    "This is the story of {first}.",
    "Do you know the story of {first}? It [began|happened] {in_place}.",
    "One {day}, {first} woke up [early|late|with a smile|and stretched].",
    "It was a {day}. {first} [looked out of the window|sat down on a stone|went for a walk].",
    "Not so long ago, {in_place}, there was {first}.",
)
# For a hero with a name of their own.
NAMED_OPENINGS = (
    "{N} was {plain} who lived {in_place}.",
    "{N} was {plain}.",
    "{N} lived {in_place}. {He} was {plain}.",
    "Everyone {in_place} knew {N}, {plain}.",
)

# Something to know about the hero, before anything happens.
SCENES = (
    "{He} liked {treat} and long walks.",
    "{His} {home} was small, but it was {his} own.",
    "Every morning {he} said hello to the [sun|birds|trees].",
    "{He} could whistle {number} songs.",
    "Nobody made better {treat} than {he} did.",
    "{He} had a hat for every day of the week.",
    "{He} was never in a hurry.",
    "{He} asked a hundred questions every day.",
    "{He} lived with {his} [mother|grandmother|grandfather|father].",
    "{He} had {number} brothers and one sister.",
    "In the morning {he} ate {treat}, and in the evening {he} looked at the stars.",
    "{His} favorite color was {color}.",
    "The sun shone, the birds sang, and the air smelled of [flowers|hay|rain|apples].",
    "{He} knew every stone and every flower {in_the_place}.",
    "{He} laughed a lot, and when {he} laughed, everyone laughed.",
    "{He} was small, but {he} had a big heart.",
    "When it rained, {he} danced. When it snowed, {he} sang.",
    "{He} liked to [sit by the window|lie in the grass|walk in the rain] and think.",
    "{He} collected [leaves|stones|feathers|buttons|shells].",
    "{He} always had {treat} in {his} pocket, just in case.",
    "{He} got up with the sun and went to bed with the moon.",
    "{He} talked to the [moon|clouds|wind] as if it were an old friend.",
)

HELLO = (
    "On the way {he} met {k_first}.",
    "Just then {k_first} came by.",
    "Soon {he} [met|saw|found] {k_first}, who was [resting in the sun|eating breakfast|humming].",
    "{k_first} heard {him} and came [closer|nearer].",
)
BEDTIME = (
    "That night {N} slept [very well|better than ever|with a smile|like a stone].",
    "That night the stars [shone brightly|looked warm and near], and {N} fell asleep [at once|smiling].",
    "And when the moon came up, {N} was [already dreaming|fast asleep|home and happy].",
    "Then {he} went home to {his} {home}, [tired and happy|tired but glad|humming a new song].",
)
GLAD = (
    "From that day on they were [best friends|good friends|the best of friends].",
    "And from then on, nobody {in_the_place} was ever [lonely|alone] again.",
    "And if you walk there on a quiet evening, you can still hear them laugh.",
    "And they lived happily ever after.",
    "The end.",
    "They still tell that story today.",
    "And that was the best day of the whole year.",
)

PLOTS = (
    Plot(
        about=("{plain} who lost a {thing}", "a lost {thing}", "{plain} and a {thing}"),
        beats=(
            (
                "{NN} had a {thing} and loved it more than anything.",
                "{His} greatest treasure was a {thing}.",
                "Everywhere {he} went, {he} carried a {thing}.",
                "{His} grandmother had given {him} a {thing}, and {he} never went out without it.",
            ),
            (
                "But one {day} the {thing} was gone.",
                "One {day}, {he} reached for it and it was not there.",
                "Then, one {day}, {he} could not find it anywhere.",
            ),
            (
                "{He} looked {spot2}. Nothing. {He} looked {spot3}. Nothing at all.",
                "{He} searched all day, {among} and back again.",
                '"Oh no!" {he} [cried|said]. "Where can it be?"',
                "{He} turned the whole {home} upside down, but found only [dust|crumbs|an old shoe].",
            ),
            HELLO,
            (
                '"Why are you so sad?" asked {k_N}. "I have lost my {thing}," said {N}.',
                '"What are you looking for?" asked {k_N}. "My {thing}," said {N}, and a tear fell.',
                '"You look worried," said {k_N}. {NN} told {k_him} everything.',
            ),
            (
                '"Where did you last [play|laugh|sing]?" asked {k_N}. {NN} thought hard.',
                '"Let us look together," said {k_N}. "Four eyes see more than two."',
                '"When I lose something," said {k_N}, "I sit down and think."',
                '"Look where you were happy," said {k_N}.',
            ),
            (
                "They [went|walked] back slowly, and there it was, {spot}!",
                "And where was the {thing}? It was {spot}!",
                "At last they saw something {spot}. It was the {thing}!",
            ),
            (
                "{NN} [hugged|thanked] {k_N} and [laughed|danced|jumped for joy].",
                '"Thank you!" said {N}. "Now I have my {thing} and a friend."',
                "{He} was so happy that {he} shared {his} {treat} with {k_N}.",
                "",
            ),
            (*GLAD, *BEDTIME),
        ),
    ),
    Plot(
        about=("{plain} who was afraid of {fear}", "being afraid of {fear}", "a brave {kind}"),
        beats=(
            (
                "{NN} was afraid of {fear}.",
                "There was only one thing {he} did not like, and that was {fear}.",
                "{He} was not afraid of much, but {he} was afraid of {fear}.",
            ),
            (
                '"I do not like it," {he} said, "because {because}."',
                "{He} thought about it every evening, and {his} heart went bump, bump, bump.",
                "The others laughed at {him}, and that made it worse.",
                '"It is because {because}," {he} told {his} mother.',
            ),
            (
                "One {day} {k_first} sat down beside {him}.",
                "One {day}, {he} told {k_first} about it.",
                "Then {he} met {k_first} {among}.",
            ),
            (
                '"Everyone is afraid of something," said {k_N}. "I was once afraid of [frogs|my own shadow|the moon]."',
                '"Being brave does not mean that you are not afraid," said {k_N}. "It means that you try."',
                '"Shall I tell you a secret?" said {k_N}. "I am a little afraid, too."',
                '"Then we will go together," said {k_N}, "one small step at a time."',
            ),
            (
                '"Hold my hand and count to {number}," said {k_N}.',
                '"Take a deep breath and sing," said {k_N}.',
                '"Close your eyes and think of {treat}," said {k_N}.',
            ),
            (
                "{NN} [tried it|did so]. {His} knees shook, but {he} did not run away.",
                "{NN} took one step, and then another. Nothing bad happened.",
                "{NN} held on tight. It was not so bad after all.",
                "The first time {he} only peeped. The second time {he} even smiled.",
            ),
            (
                '"I did it!" {he} [cried|shouted|called].',
                '"Look at me!" {he} laughed. "I am not afraid!"',
                "{His} heart still went bump, but now it was [a happy bump|only a quiet one].",
            ),
            (
                "After that, {he} was [a little braver every day|not so afraid anymore].",
                "And the next time somebody was afraid, it was {N} who held their hand.",
                "Later {he} told everyone about it, and each time the story grew a little longer.",
                "And {k_N} was very proud of {him}.",
            ),
            ("", *BEDTIME),
        ),
    ),
    Plot(
        about=("{plain} who wanted {wish}", "a big wish", "{plain} with a dream"),
        beats=(
            (
                "{NN} wanted {wish} more than anything else.",
                "{He} had only one wish: {wish}.",
                "All {his} life {he} had wanted {wish}.",
            ),
            (
                "{He} {wishing}.",
                "{He} {wishing}, but that was not enough.",
                '"One day I will do it," {he} said, and {wishing}.',
            ),
            (
                'The others [shook their heads|smiled]. "You are only a {kind}," they said.',
                '"That is not for a {kind}," said the others.',
                "Nobody {in_the_place} had ever done such a thing.",
                "",
            ),
            (
                "So one {day} {he} packed {treat} and a {thing} and set out.",
                "One {day} {he} could not wait any longer, and off {he} went, {among}.",
                "One {day} {he} climbed up as high as {he} could, and fell down into the [hay|mud|snow].",
            ),
            HELLO,
            (
                '"Where are you going?" asked {k_N}. "I want {wish}," said {N}.',
                '"What do you wish for?" asked {k_N}. "I want {wish}," {he} whispered.',
            ),
            (
                '"Big wishes begin small," said {k_N}. "Come, I will show you."',
                '"I cannot do it for you," said {k_N}, "but I can go with you."',
                '"Then you must practice every day," said {k_N}, "even when it rains."',
                '"I know someone who can help," said {k_N}, and called {k_his} {number} cousins.',
            ),
            (
                "They tried once. They tried twice. They tried {number} times.",
                "It was hard, and it took a long time.",
                "All summer long they practiced, and {N} did not give up.",
                "They worked until the sun went down, and then a little longer.",
            ),
            (
                "And then, one {day}, the wish came true.",
                "And one {day}, when {he} had almost stopped hoping, it happened.",
                "At last the great day came, and {N} could hardly believe it.",
            ),
            (
                '"It is even better than my dream," said {N}.',
                '"Now I need a new wish," said {N}, and {k_N} laughed.',
                "{NN} [laughed and cried|was so happy that {he} could not speak].",
                "And the others? They asked {him} to teach them.",
            ),
            ("", *GLAD, *BEDTIME),
        ),
    ),
    Plot(
        about=("{plain} who helped a {small}", "helping others", "a {small} in trouble"),
        beats=(
            (
                "One {day}, {N} was walking {among}.",
                "On a {day}, {he} was on {his} way home.",
                "One {day} {he} went out to pick berries.",
            ),
            (
                "There {he} found {small_one}.",
                "Suddenly {he} heard a small voice. It was {small_one}.",
                "And what did {he} see? {small_one}!",
            ),
            (
                '"Please help me," said the {small}.',
                '"Help!" cried the {small}. "I have been here since yesterday."',
                "The {small} looked at {him} with big, sad eyes.",
            ),
            (
                '"Do not worry," said {N}. "I will help you."',
                '"You poor thing!" said {N}. "I will not leave you here."',
                "{NN} did not think twice.",
                "{NN} was in a hurry, but {he} stopped at once.",
            ),
            (
                "{He} took the {small} in {his} arms, very gently, and carried it to a safe place.",
                "{He} pulled and pushed, and at last the {small} was free.",
                "{He} wrapped the {small} in {his} coat and sang to it until it felt better.",
                "{He} gave the {small} water and a little {treat}.",
            ),
            (
                '"I will never forget this," said the {small}.',
                '"Thank you," said the {small}. "Maybe one day I can help you."',
                "The {small} thanked {him} {number} times and went away.",
            ),
            (
                "Many days later, {N} lost {his} way in the fog.",
                "When winter came, {N} fell into a deep hole.",
                "The next week, {N} dropped {his} {thing2} into the river.",
                "Then came a night when {N} was all alone and could not find the way home.",
            ),
            (
                "{He} [called|called and called], but nobody came. Nobody but the {small}!",
                'And who was there to help? The {small}! "Now it is my turn," it said.',
                '"I am here!" said a small voice. It was the {small}, and it had brought all its friends.',
            ),
            (
                '"You were so small," said {N}, "and you helped me so much."',
                "And so {N} learned that no friend is too small.",
                "They had {treat} together that evening.",
                "One kind thing brings another, as {his} grandmother always said.",
            ),
            ("", *GLAD),
        ),
    ),
    Plot(
        about=("{plain} who built {work}", "{plain} who made {work}", "building {work}"),
        beats=(
            (
                "One {day} {N} wanted to build {work}.",
                '"I am going to build {work}," said {N} one {day}.',
                "{NN} liked to make things, and now {he} wanted to make {work}.",
            ),
            (
                "{He} took {stuff} and began to work.",
                "{He} found {stuff} {spot}.",
                "All {he} had was {stuff}.",
            ),
            (
                "{He} worked the whole day. But oh dear, it would not {must}!",
                "But when it was ready, it did not {must}. It fell apart with a crash.",
                "The first one was too small. The second one was too big. And the third one would not {must}.",
            ),
            (
                '"I will never learn it," {he} [said|sighed], and sat down.',
                "{NN} was so angry that {he} kicked a stone. Ouch!",
                "A tear ran down {his} nose.",
            ),
            (
                "Then {f_first} came by.",
                "{f_first} had watched {him} [from a tree|all the time|over the fence].",
                '"May I help you?" asked {f_first}.',
            ),
            (
                '"You are good at [holding|cutting]," said {f_N}, "and I am good at tying knots."',
                '"Two can do more than one," said {f_N}.',
                '"Let us start again," said {f_N}, "but first we will eat some {treat}."',
                '"It only needs one more [string|nail|stone|try]," said {f_N}.',
            ),
            (
                "So they worked together, and they laughed so much that the work was easy.",
                "{NN} held, {f_N} tied, and nobody looked at the clock.",
                "They tried it this way and that way, until the sun went down.",
            ),
            (
                'And this time it did {must}! "Hooray!" they [cried|shouted].',
                "And look! It did {must}, better than they had ever hoped.",
                '"It works!" cried {N}. "It really works!"',
            ),
            (
                "They painted it {color} and wrote both their names on it.",
                "Everyone came to see it and wanted to try it, too.",
                '"We made it together," {N} told everyone.',
                "It was not quite straight, but it was theirs.",
            ),
            ("", *GLAD, *BEDTIME),
        ),
    ),
    Plot(
        about=("{plain} who had no friends", "{plain} and {f_plain}", "two new friends"),
        beats=(
            (
                "{NN} had no friends, for {he} was new there.",
                "{He} often played alone, because nobody else lived near.",
                "{He} had {number} toys, but nobody to play with.",
            ),
            (
                "One {day}, {f_first} moved into the house [next door|across the road].",
                "One {day} {he} saw {f_first} {among}.",
                "Then, one {day}, {f_first} looked over the fence.",
            ),
            (
                "{NN} wanted to say hello, but {he} was too shy.",
                "They looked at each other. Nobody said a word.",
                '"What if {f_he} does not like me?" thought {N}.',
                "{NN} hid behind a tree and watched.",
            ),
            (
                "So {he} left a plate of {treat} at the door and ran away.",
                "Then {N} dropped {his} {thing}, right in front of {f_N}.",
                "Then it began to rain, and they both ran under the same tree.",
                "Then the wind took the {thing} that belonged to {f_N}, and {N} caught it.",
            ),
            (
                '"Is this [yours|for me]?" asked {f_N}. {NN} nodded.',
                '"Hello," said {f_N}. "I was too shy to say it before."',
                '"I am {f_name}," said the new one. "Do you want to play?"',
            ),
            (
                "They played until it was dark.",
                "They shared {treat} and told each other [jokes|secrets|stories].",
                "First they played with the {thing}, then they climbed a tree, then they lay in the grass.",
            ),
            (
                '"Will you come again tomorrow?" asked {f_N}. "Tomorrow and every day," said {N}.',
                '"I thought that you did not like me," said {f_N}, and they both laughed.',
                "It turned out that {f_N} had been just as lonely.",
            ),
            (*GLAD, *BEDTIME),
        ),
    ),
    Plot(
        about=(
            "{plain} who visits grandmother",
            "a long way to grandmother",
            "a gift for grandmother",
        ),
        beats=(
            (
                '"Please take some {treat} to your grandmother," {his} mother said one {day}.',
                "One {day}, {N} wanted to visit {his} grandmother, who lived far away.",
                "{His} grandmother was ill, so one {day} {he} put {treat} into a basket and set out.",
            ),
            (
                "The way was long. It went {among} and over {number} hills.",
                "{He} put on {his} warm coat and took {his} {thing}.",
                "{He} sang a little song as {he} went.",
            ),
            (
                "Soon {he} met {k_first}.",
                "At the [bridge|crossroads|well] sat {k_first}.",
                "But at the old bridge, {k_first} stood in the way.",
            ),
            (
                '"I am so hungry," said {k_N}. "What is in your basket?"',
                '"Stop!" said {k_N}. "Where are you going all alone?"',
                '"I am so tired and cold," said {k_N}.',
            ),
            (
                '"I am going to my grandmother," said {N}, "but there is enough for you, too." And {he} shared it.',
                '{NN} gave {k_him} a piece. "Grandmother will not mind," {he} said.',
                '"Come with me," said {N}. "My grandmother has a warm stove."',
            ),
            (
                "Because {N} had been kind, {k_N} showed {him} a shorter way.",
                "Then it began to [snow|rain], but {k_N} knew the way and led {him} by the hand.",
                "So they went on together, and the way seemed only half as long.",
            ),
            (
                'When they came to the little house, the grandmother opened the door. "What a surprise!" she said.',
                "At last they saw a light in the window. It was the house of the grandmother!",
                "The grandmother had already been waiting at the gate.",
            ),
            (
                "They sat by the fire, drank tea, and ate what was left of the {treat}.",
                "The grandmother told them a story about [a king|the sea|a flying pig] until they fell asleep.",
                "That evening the grandmother felt [much better|young again].",
            ),
            ("", "The end.", *BEDTIME),
        ),
    ),
    Plot(
        night=True,
        about=(
            "a strange sound in the night",
            "{plain} who heard a strange sound",
            "a noise at night",
        ),
        beats=(
            (
                "One night {N} could not sleep.",
                "In the middle of the night, {N} woke up.",
                "It was late, and {N} lay in bed and looked at the moon.",
            ),
            (
                'Then {he} heard something. "{sound}." What was that?',
                '"{sound}," it went. "{sound}."',
                'There was a strange sound outside: "{sound}."',
            ),
            (
                '"It is a monster," thought {N}, and pulled the blanket over {his} head.',
                '"Maybe it is a ghost," {he} whispered.',
                "{NN} held {his} {thing} very tight.",
                '"Who is there?" called {N}. Nobody answered.',
            ),
            (
                "The moon made long shadows on the wall.",
                "{He} counted to {number} and listened again. There it was!",
                "Something moved outside.",
                "",
            ),
            (
                "Then {he} took a lamp and went to look.",
                "At last {he} got up, put on {his} boots, and tiptoed to the door.",
                "One step, two steps, three steps. {His} heart beat fast.",
            ),
            (
                "{He} opened the door just a little, and what did {he} see? It was only {cause}!",
                "And there it was. It was {cause}.",
                '{He} looked {spot} and began to laugh. "It is only {cause}!"',
            ),
            (
                '"And I was afraid of you!" said {N}.',
                '"So you are my monster," said {N}.',
                "{NN} laughed so loudly that the whole house woke up.",
                "Everyone laughed, and then they all had hot milk.",
            ),
            (
                "{He} went back to bed, and soon the sound was like a song.",
                "After that, {he} liked the sounds of the night.",
                "The next night {he} heard it again. {He} only smiled and turned over.",
            ),
            ("", "The end.", *BEDTIME),
        ),
    ),
    Plot(
        about=(
            "two friends who quarrel",
            "a quarrel about a {thing}",
            "{plain} and {f_plain} who quarrel",
        ),
        beats=(
            (
                "{His} best friend was {f_first}.",
                "{He} had a friend, {f_first}, and they did everything together.",
                "Every day {he} played with {f_first}.",
            ),
            (
                "One {day} they found a {thing} {spot}.",
                "But one {day} they both wanted the same {thing}.",
                "One {day}, {among}, they saw a {thing}.",
            ),
            (
                '"It is mine!" said {N}. "No, it is mine!" said {f_N}.',
                '"I saw it first," said {N}. "But I picked it up," said {f_N}.',
            ),
            (
                "They pulled and pulled until it [broke|fell into the mud].",
                "They shouted so loudly that the birds flew away.",
                "{NN} went to the left and {f_N} went to the right, and neither looked back.",
            ),
            (
                "That evening {N} sat alone. The {treat} did not taste good.",
                "The next day was long and gray. There was nobody to laugh with.",
                "{NN} looked at the {thing} and did not like it anymore.",
            ),
            (
                '"What is a {thing} without a friend?" said {k_first} who sat {spot2}.',
                '"Two sad faces on one fine day," said {k_first}. "Who will be the first to say sorry?"',
                "{NN} thought and thought.",
            ),
            (
                'Then {he} ran to find {f_N}. "I am sorry," {he} said. "I am sorry, too," said {f_N}.',
                "Halfway over the hill they met, for {f_N} had been looking for {him}, too.",
                'There was a knock at the door. "You can have it," said {f_N}. "No, you take it," said {N}.',
            ),
            (
                "So they shared it. One day it was with {N}, and the next day with {f_N}.",
                "They mended it together, and it was even better than before.",
                "They gave the {thing} to a little child, and that made all three of them happy.",
            ),
            ("", *GLAD),
        ),
    ),
    Plot(
        about=("{plain} who planted a seed", "a {seed} seed", "{plain} and a {seed}"),
        beats=(
            (
                "One {day} {he} found a seed {spot}.",
                "One {day}, {k_first} gave {him} a seed.",
                "One {day}, {he} bought a small brown seed for one penny.",
            ),
            (
                '"What will it be?" {he} wondered, and put it into the ground.',
                "{He} dug a hole behind {his} {home} and planted it.",
                '"Grow well," {he} said, and covered it with earth.',
            ),
            (
                "{He} watered it every morning.",
                "Every day {he} sat beside it and told it a story.",
                "{He} gave it water and a little song.",
            ),
            (
                "One day went by. Two days went by. Nothing happened.",
                "But nothing came, not the next day, and not the day after.",
                '"Why does it not grow?" {he} asked. "Wait," said the [wind|rain|sun].',
            ),
            (
                "{NN} wanted to dig it up and look. But {he} waited.",
                '"Maybe it is asleep," thought {N}.',
                "Then it rained for {number} days, and {N} [nearly forgot it|was sad].",
            ),
            (
                "Then one {day} there was a tiny green leaf.",
                "And one morning, something green peeped out of the ground!",
            ),
            (
                "It grew and grew. It was a {seed}!",
                "Every day it was a little taller, and at last {he} saw that it was a {seed}.",
            ),
            (
                "By the end of summer it was {grown}.",
                "In the end it was {grown}, and everyone came to look.",
            ),
            (
                "{NN} gave a new seed to each of {his} {number} friends.",
                '"Good things take time," said {N}, and {he} was right.',
                "That autumn there was a great feast, and everyone got a piece.",
                '"You only had to wait," said {k_first}. "And to sing," said {N}.',
            ),
            ("", *GLAD),
        ),
    ),
    Plot(
        about=("a race", "{plain} who ran a race", "a race between {plain} and {f_plain}"),
        beats=(
            (
                "One {day} there was a great race around the {place}.",
                "Every year there was a race around the {place}.",
                '"I am the fastest of all," said {f_first} one {day}. "Who wants to race with me?"',
            ),
            (
                "{NN} was not fast, but {he} wanted to try.",
                '"I will race," said {N}, and everyone laughed.',
                "{NN} had never won anything in {his} life.",
            ),
            (
                '"One, two, three, go!" called {k_first}.',
                "{k_first} rang a bell, and off they went.",
            ),
            (
                "{f_NN} was soon far ahead.",
                "{f_NN} ran like the wind, and {N} could only see the dust.",
                "{NN} ran as fast as {he} could, but {f_N} was faster.",
            ),
            (
                "But halfway there, {f_N} fell over a root and hurt {f_his} foot.",
                "But then {f_N} jumped into a puddle and got stuck in the mud.",
                "But then {f_N} took the wrong path and got lost.",
            ),
            (
                '{NN} could have run on and won. But {he} stopped. "Give me your hand," {he} said.',
                '"Go on, you can win now," said {f_N}. {NN} shook {his} head and helped {f_him} up.',
                "{NN} forgot about the race and ran to help.",
            ),
            (
                "Arm in arm they went on, slowly, step by step.",
                "So they walked the rest of the way together, and they sang as they went.",
            ),
            (
                "They came last, but everyone clapped and cheered.",
                "They came over the line at the same time, and both got the prize, a basket of {treat}.",
                '"We have two winners," said {k_N}, and gave each of them a {thing}.',
            ),
            (
                '"You are fast," said {N}. "And you are kind," said {f_N}. "That is better."',
                "Since then, {f_N} has never laughed at anyone.",
                "",
            ),
            ("", *GLAD),
        ),
    ),
    Plot(
        about=("telling the truth", "{plain} who broke a {thing}", "a broken {thing}"),
        beats=(
            (
                "One {day} {N} was [dancing|jumping|playing] in the kitchen.",
                "On a {day}, {N} played ball inside, though {he} was not allowed to.",
            ),
            (
                "Crash! {His} mother's favorite cup lay on the floor in {number} pieces.",
                "Then, bang! The big blue bowl fell down and broke.",
                "Oh no! There was a crack in the window.",
            ),
            (
                "{He} hid it {spot} and ran outside.",
                '"Nobody has seen it," thought {N}, and hid {spot}.',
                '"I will say that the wind did it," thought {N}.',
            ),
            (
                "But all day long {he} had a stone in {his} stomach. Even {treat} did not taste good.",
                "But {he} could not play, and {he} could not laugh.",
                "The sun was shining, but for {N} it was a gray day.",
            ),
            (
                '"What is the matter?" asked {k_first}. {NN} whispered it into {k_his} ear.',
                "{He} told {his} secret to {k_first}.",
            ),
            (
                '"The truth is heavy only until you say it," said {k_N}.',
                '"A broken thing can be mended," said {k_N}, "if you do not hide it."',
                '"Tell your mother," said {k_N}. "She loves you more than any cup."',
            ),
            (
                'So {N} went home. "Mother, I did it," {he} said. "I am sorry."',
                "That evening {N} took a deep breath and told {his} mother everything.",
            ),
            (
                '{His} mother was quiet for a moment. Then she smiled. "Thank you for telling me," she said.',
                '"I know," said {his} mother, and took {him} in her arms. "I was waiting for you to tell me."',
            ),
            (
                "They glued the pieces together, and now flowers grow in it.",
                "Then they swept the floor together and made {treat}.",
                "And all at once, {N} felt as light as a feather.",
            ),
            ("", *BEDTIME),
        ),
    ),
    Plot(
        about=("a birthday", "{plain} whose birthday was forgotten", "a birthday surprise"),
        beats=(
            (
                "It was {his} birthday, and {N} woke up very early.",
                "One {day} it was {his} birthday.",
                '"Today is my birthday!" said {N} and jumped out of bed.',
            ),
            (
                "But nobody said a word about it.",
                "{He} waited for somebody to come, but nobody came.",
                "{He} looked {spot3}, but there was no present.",
            ),
            (
                "{He} met {f_first} and said good morning. But {f_N} was in a hurry and ran past.",
                "{He} went to see {f_first}, but nobody was at home.",
                '{He} met {f_first}. "I have no time today," said {f_N}, and was gone.',
            ),
            (
                '"They have all forgotten me," thought {N}.',
                "{NN} sat down [on the stairs|under a tree|by the window] and felt very small.",
                "{NN} walked {among}, all alone, and kicked a stone.",
            ),
            (
                "In the evening {he} came home. The house was dark.",
                "When the sun went down, {he} slowly opened the door.",
                "Then {he} saw a line of tiny lights {among}, and followed it.",
            ),
            (
                '"Surprise!" cried {number} voices at once.',
                'Suddenly all the lamps went on. "Happy birthday, {name}!" they shouted.',
            ),
            (
                "There was {treat}, and there was music, and in the middle stood {f_N}, smiling.",
                "{f_NN} had made {treat} all day long, and that was why {f_he} had been in such a hurry.",
                "Everyone had made something: a song, a {thing}, and a whole table full of {treat}.",
            ),
            (
                '"I thought that you had forgotten," said {N}. "How could we?" said {f_N}.',
                "{NN} laughed and cried at the same time.",
                "{NN} blew out the candles and wished for nothing, for {he} had everything.",
            ),
            (*GLAD, *BEDTIME),
        ),
    ),
    Plot(
        night=True,
        about=("a storm", "a stormy night", "{plain} in the snow"),
        beats=(
            (
                "One evening a great storm came up.",
                "One winter it snowed for {number} days and {number} nights.",
                "One night the wind was so strong that the trees bent down to the ground.",
            ),
            (
                "{NN} sat by the fire in {his} {home} and was glad to be warm.",
                "{NN} had made soup and lit a candle.",
                "{NN} closed the door and pulled the blanket up to {his} nose.",
            ),
            (
                'Knock, knock! "Please let me in," said {f_first}. "I am so cold."',
                "Then there was a knock at the door. Outside stood {f_first}, wet from head to foot.",
            ),
            (
                '"Come in, come in," said {N}. "There is room for two."',
                "{NN} had only one blanket, but {he} opened the door at once.",
            ),
            (
                'Knock, knock! Next came {k_first}. "Is there room for one more?" {k_he} asked.',
                "A little later {k_first} came, too, and shook the rain from {k_his} back.",
            ),
            (
                '"We will have to sit close together," said {N}.',
                "It was very tight, but it was very warm.",
                "There were three cups and only a little soup, but nobody stayed hungry.",
            ),
            (
                "All night long they told stories, and the storm outside was like music.",
                "{k_NN} sang an old song, {f_N} told a funny story, and they forgot the storm.",
                "They ate {treat} and counted the seconds between the lightning and the thunder.",
            ),
            (
                "In the morning the sun came out, and the whole world was [clean|white|shining].",
                "When they woke up, it was quiet. The storm was over.",
            ),
            (
                '"A small {home} is big enough for friends," said {N}.',
                '"I hope there will be another storm soon," said {f_N}, and they all laughed.',
                "They built a bigger {home} together, for the next storm.",
            ),
            ("", *GLAD),
        ),
    ),
    Plot(
        night=True,
        about=("a star that fell from the sky", "a fallen star", "{plain} and a star"),
        beats=(
            (
                "One night a star fell from the sky, right {spot}.",
                "One clear night {N} saw a light {among}. It was a little star.",
                "One night, there was a soft knock at the window. Outside sat a star.",
            ),
            (
                '"I am lost," said the star. "I leaned out too far to look at the {place}."',
                'The star was cold and afraid. "I want to go home," it said.',
                '"Do not cry," said {N}. "What has happened?" "I fell," said the star.',
            ),
            (
                "{NN} put the star into a [mitten|warm hat|woolen sock] so that it would not freeze.",
                "{NN} gave the star some {treat}. It had never tasted anything so good.",
                "{NN} held out {his} hand, and the star climbed into it.",
            ),
            (
                "First they climbed the highest tree, but it was not high enough.",
                "First {he} threw the star as high as {he} could. It came down again, plop, into the [hay|pond|grass].",
                "First they asked the moon, but the moon was asleep behind a cloud.",
            ),
            (
                "Then they asked {k_first} for help.",
                "Then {k_first} had an idea.",
            ),
            (
                '"Stars rise when somebody makes a wish," said {k_N}. "Wish for something good."',
                '"You must make it laugh," said {k_N}. "A star that laughs is as light as air."',
                '"Tie it to a kite," said {k_N}, "and wait for the wind."',
            ),
            (
                "So they did, and slowly, slowly, the star began to rise.",
                "{NN} tried it, and whoosh! Up went the star, higher and higher.",
            ),
            (
                '"Good night!" called {N}. "Look up every evening," called the star, "and I will wink at you."',
                '"Thank you!" called the star. Then it was only a small light among the others.',
            ),
            (
                "And every night, one star winks at {N}.",
                "Since then, {N} has never been afraid of the dark.",
                "If you look up tonight, you may see it, too.",
            ),
            ("", "The end.", *BEDTIME),
        ),
    ),
    Plot(
        about=("{plain} who baked {treat}", "baking {treat}", "{plain} who wanted to cook"),
        beats=(
            (
                "One {day} {N} wanted to make {treat} for {his} friends.",
                '"Today I will make {treat}," said {N} one {day}.',
                "One {day} {he} was so hungry that {he} dreamed of {treat}.",
            ),
            (
                "{He} took flour, milk, and [honey|sugar|salt] and mixed them in a big pot.",
                "{He} put on a white hat and opened {his} grandmother's book.",
                "{He} did not know how, but {he} was not afraid to try.",
            ),
            (
                "But {he} took salt and not sugar. Brrr!",
                "Soon there was flour on the floor, flour on the walls, and flour on {his} nose.",
                "But then {he} fell asleep, and when {he} woke up, there was black smoke everywhere.",
                "But there were no eggs left in the whole {home}.",
            ),
            (
                '"What a mess!" said {f_first} at the window.',
                "The smell brought {f_first} to the door.",
                "{f_first} put {f_his} head through the door and laughed.",
            ),
            (
                '"I wanted to make {treat}," said {N}, "and now I have made [soup|mud|a stone]."',
                '"It was meant to be a surprise," said {N}, very quietly.',
            ),
            (
                '"I know a trick," said {f_N}. "You must stir it {number} times and smile."',
                '"My first one was even worse," said {f_N}. "Come, I will help you."',
                '"We have time until the evening," said {f_N}, and rolled up {f_his} sleeves.',
            ),
            (
                "They mixed and stirred and tasted, and tasted once more.",
                "{NN} stirred, {f_N} sang, and soon the kitchen smelled wonderful.",
            ),
            (
                "In the evening everyone sat around the table. Soon there was not one crumb left.",
                "It was a little brown on one side, but there was no better {treat} in the whole world.",
                '"I have never eaten better {treat}," said {k_first}.',
            ),
            (
                '"The secret is to make it together," said {N}.',
                "And who washed the pots? Everyone did.",
                "",
            ),
            (*GLAD, *BEDTIME),
        ),
    ),
    Plot(
        about=("{plain} who got lost", "finding the way home", "{plain} lost in the fog"),
        beats=(
            (
                "One {day}, {he} followed a [butterfly|rabbit|red leaf] {among}, farther and farther.",
                "One {day}, {N} went to pick mushrooms and did not look where {he} was going.",
                "One {day} a thick fog came down, and {N} could not see {his} own feet.",
            ),
            (
                "When {he} looked up, nothing looked the same.",
                '"Where am I?" said {N}. Every path looked like every other.',
                "{He} turned left, {he} turned right, and then {he} did not know which way was home.",
            ),
            (
                '"I must not cry," {he} said, and cried a little.',
                "{He} called for {his} mother, but only the [wind|echo] answered.",
                "{He} sat down [on a stone|under a tree|on the moss] and ate the last of {his} {treat}.",
            ),
            (
                '"Are you lost, little one?" asked {k_first}.',
                "Then {he} saw two kind eyes. They belonged to {k_first}.",
                '"Why do you sit here all alone?" said {k_first}.',
            ),
            (
                '"What does your home smell like?" asked {k_N}. "Like {treat}," said {N}.',
                '"What can you hear at home?" asked {k_N}. "A bell and a brook," said {N}.',
                '"Home is never far," said {k_N}. "You only have to know where to look."',
            ),
            (
                '"Then follow your nose," said {k_N}, "and I will follow you."',
                '"Follow the water," said {k_N}. "Water always knows the way."',
                '"Look up," said {k_N}. "That bright star stands over your {home}."',
                '"Climb on my back," said {k_N}, and off they went.',
            ),
            (
                "They walked {among}, and they sang so that they would not be afraid.",
                "They went up one hill and down the next, and the fog grew thin.",
                "The moon came out and made the path white.",
            ),
            (
                "At last {he} saw a light. It was home!",
                '"There you are!" cried {his} mother, and held {him} tight.',
                "And there stood {his} mother at the door, with a lamp in her hand.",
            ),
            (
                "{k_NN} got a big bowl of {treat} and the best place by the fire.",
                '"Come and see me again," said {k_N}, "but next time bring a lamp."',
                "Since then, {N} always drops little stones along the way.",
                "{NN} drew a map, and in the middle of the map {he} drew a heart.",
            ),
            ("", *BEDTIME),
        ),
    ),
    Plot(
        about=("{plain} who did not want to share", "sharing", "{plain} and a lot of {treat}"),
        beats=(
            (
                "{NN} had more {treat} than anyone else {in_the_place}.",
                "One {day}, {N} found a big pot of {treat}.",
                "One {day} {his} grandmother sent {him} a whole basket of {treat}.",
            ),
            (
                '"It is all mine," {he} said, and hid it {spot}.',
                '"If I give some away, there will be less for me," thought {N}.',
                "{He} put it under {his} bed and locked the door.",
            ),
            (
                'Then {f_first} came by. "May I have a little?" {f_he} asked.',
                '"That smells good," said {f_first}. "I have not eaten since yesterday."',
            ),
            (
                '"No," said {N}. "There is not enough." And {f_N} went away.',
                '"Come back tomorrow," said {N}. But tomorrow {he} said the same.',
                '"I have nothing," said {N}, but {he} had crumbs on {his} nose.',
            ),
            (
                "So {N} ate it all alone. It did not taste as good as {he} had hoped.",
                "{He} ate and ate, until {his} stomach hurt.",
                "That night {he} lay awake. The {home} was very quiet.",
            ),
            (
                "The next day {he} saw how {f_N} shared a single nut with {k_first}, and how they laughed.",
                '"What is the matter?" asked {k_first}. "I have so much," said {N}, "and I am so sad."',
                '"Do you know what makes everything taste better?" asked {k_first}. "Company!"',
            ),
            (
                "Then {N} carried everything outside and put it on a long table.",
                '"Come, all of you!" called {N}. "There is enough for everyone."',
                "{NN} ran to {f_N} and gave {f_him} the biggest piece.",
            ),
            (
                "They ate and laughed until the stars came out.",
                "Everyone brought something, and in the end there was more than before.",
                "And how good it tasted now!",
            ),
            (
                '"Half of it with you is better than all of it alone," said {N}.',
                "Since that day there has always been a second chair at the table of {N}.",
                "The pot was empty, but {N} was full of joy.",
            ),
            ("", *GLAD, *BEDTIME),
        ),
    ),
    Plot(
        about=("a treasure map", "{plain} who found a treasure", "a hunt for treasure"),
        beats=(
            (
                "One {day} {he} found an old map {spot}.",
                "One {day} the wind blew an old piece of paper right onto {his} nose. It was a map!",
                "One {day} {he} found a bottle {among}, and in the bottle there was a map.",
            ),
            (
                '"A treasure!" {he} whispered, and ran to {f_first}.',
                "{He} showed it to {f_first}, who could read old letters.",
                '"We must find it," said {f_first}, who was looking over {his} shoulder.',
            ),
            (
                "They took a lamp, a rope, and some {treat}, and set out.",
                "They packed {treat} for {number} days and were gone before breakfast.",
            ),
            (
                "First they had to cross a river. {f_NN} made a boat out of an old door.",
                "First they came to a deep hole. {NN} threw the rope across.",
                "First they had to climb a wall. {NN} stood on the back of {f_N}.",
            ),
            (
                'In a dark cave sat {k_first}. "Nobody may pass who cannot make me laugh," {k_he} said.',
                "Then {k_first} stood in the way and asked them a riddle.",
                'Then they met {k_first}. "Turn back," said {k_N}. "There is no gold here."',
            ),
            (
                "{NN} stood on {his} head and sang. {k_NN} laughed and laughed and let them go.",
                '{f_NN} gave {k_him} some {treat}, and {k_he} smiled. "Go on," {k_he} said, "it is not far."',
                '"We do not need gold," said {N}. "We only want to see it." And {k_N} stepped aside.',
            ),
            (
                "At the end of the map they dug, and there was a box.",
                "Under {number} big stones they found a box with a lock of silver.",
            ),
            (
                'In it lay a {thing} and a letter. "For those who came together," said the letter.',
                "They opened it. It was full of letters from two old friends.",
                "There was no gold in it, only a {thing}. They looked at each other and laughed.",
            ),
            (
                '"The best part was the way," said {f_N}.',
                '"I have had my treasure all along," said {N}, and took {f_N} by the hand.',
                "They put in something of their own and buried it again, for the next ones.",
            ),
            ("", *GLAD, *BEDTIME),
        ),
    ),
    Plot(
        about=("{plain} who wanted to sing", "a song", "{plain} who lost {his} voice"),
        beats=(
            (
                "{NN} sang all day long, but {he} sang very badly.",
                "{NN} loved music, but {he} only knew one note.",
                "Every evening {N} made a song about {treat}.",
            ),
            (
                '"Please stop," said {f_first} and covered {f_his} ears.',
                '"It sounds like a rusty gate," said {f_first}.',
                "When {he} sang, even the crows flew away.",
            ),
            (
                "So {N} became quiet, and the {place} became quiet, too.",
                "From then on {N} only sang {spot}, where nobody could hear {him}.",
                "{NN} was so sad that {he} did not sing anymore.",
            ),
            (
                "Then one {day}, {k_first} heard {him} hum.",
                "But one night, everyone {in_the_place} lost the way in the dark.",
                "But one {day} a baby cried, and nobody could make it stop.",
            ),
            (
                '"What a strange and lovely sound," said {k_first}. "Sing it again!"',
                '"Sing something!" said {k_first}. "Sing as loud as you can!"',
            ),
            (
                "{NN} closed {his} eyes and began. At first it was only a whisper.",
                "{NN} sang, loud and wrong and full of joy.",
            ),
            (
                "One after the other came closer to listen.",
                "And do you know what happened? Everyone began to smile.",
                "Even {f_N} came, sat down, and listened.",
            ),
            (
                '"I was wrong," said {f_N}. "Your song is like nobody else\'s."',
                '"Will you teach me?" asked {f_N}.',
                "They sang together, one high, one low, and it was beautiful.",
            ),
            (
                "Now there is music {in_the_place} every evening.",
                '"A song does not have to be perfect," said {k_N}. "It only has to be yours."',
                "And the moon came out early, just to hear it.",
            ),
            ("", "The end.", *BEDTIME),
        ),
    ),
)
