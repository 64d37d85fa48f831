"""The words of the multilingual corpus, written by hand: six languages, one concept a row.

Columns are en, fr, de, es, it, ru. Only the forms that the frames of `multilingual_frames.py` need are here, so
that every sentence is right in its language: genders, the genitives of countries, the cases of Russian names.
"""

from typing import NamedTuple

LANGUAGES = ("en", "fr", "de", "es", "it", "ru")


def table(text: str) -> list[dict[str, str]]:
    """Rows "dog | chien | ..." -> [{"en": "dog", "fr": "chien", ...}, ...]."""
    rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return [dict(zip(LANGUAGES, row, strict=True)) for row in rows]


# for translations: bare words, each the same thing in all languages
NOUNS = table("""
dog      | chien    | Hund    | perro    | cane     | собака
cat      | chat     | Katze   | gato     | gatto    | кошка
horse    | cheval   | Pferd   | caballo  | cavallo  | лошадь
cow      | vache    | Kuh     | vaca     | mucca    | корова
bird     | oiseau   | Vogel   | pájaro   | uccello  | птица
fish     | poisson  | Fisch   | pez      | pesce    | рыба
wolf     | loup     | Wolf    | lobo     | lupo     | волк
house    | maison   | Haus    | casa     | casa     | дом
garden   | jardin   | Garten  | jardín   | giardino | сад
school   | école    | Schule  | escuela  | scuola   | школа
city     | ville    | Stadt   | ciudad   | città    | город
tree     | arbre    | Baum    | árbol    | albero   | дерево
flower   | fleur    | Blume   | flor     | fiore    | цветок
apple    | pomme    | Apfel   | manzana  | mela     | яблоко
water    | eau      | Wasser  | agua     | acqua    | вода
bread    | pain     | Brot    | pan      | pane     | хлеб
milk     | lait     | Milch   | leche    | latte    | молоко
wine     | vin      | Wein    | vino     | vino     | вино
book     | livre    | Buch    | libro    | libro    | книга
letter   | lettre   | Brief   | carta    | lettera  | письмо
table    | table    | Tisch   | mesa     | tavolo   | стол
door     | porte    | Tür     | puerta   | porta    | дверь
window   | fenêtre  | Fenster | ventana  | finestra | окно
key      | clé      | Schlüssel | llave  | chiave   | ключ
car      | voiture  | Auto    | coche    | macchina | машина
sun      | soleil   | Sonne   | sol      | sole     | солнце
moon     | lune     | Mond    | luna     | luna     | луна
star     | étoile   | Stern   | estrella | stella   | звезда
sea      | mer      | Meer    | mar      | mare     | море
mountain | montagne | Berg    | montaña  | montagna | гора
river    | rivière  | Fluss   | río      | fiume    | река
fire     | feu      | Feuer   | fuego    | fuoco    | огонь
gold     | or       | Gold    | oro      | oro      | золото
man      | homme    | Mann    | hombre   | uomo     | мужчина
woman    | femme    | Frau    | mujer    | donna    | женщина
child    | enfant   | Kind    | niño     | bambino  | ребёнок
friend   | ami      | Freund  | amigo    | amico    | друг
king     | roi      | König   | rey      | re       | король
queen    | reine    | Königin | reina    | regina   | королева
hand     | main     | Hand    | mano     | mano     | рука
head     | tête     | Kopf    | cabeza   | testa    | голова
heart    | cœur     | Herz    | corazón  | cuore    | сердце
day      | jour     | Tag     | día      | giorno   | день
night    | nuit     | Nacht   | noche    | notte    | ночь
""")
COLOURS = table("""
red    | rouge | rot     | rojo     | rosso  | красный
blue   | bleu  | blau    | azul     | blu    | синий
green  | vert  | grün    | verde    | verde  | зелёный
yellow | jaune | gelb    | amarillo | giallo | жёлтый
black  | noir  | schwarz | negro    | nero   | чёрный
white  | blanc | weiß    | blanco   | bianco | белый
""")
DAYS = table("""
Monday    | lundi    | Montag     | lunes     | lunedì    | понедельник
Tuesday   | mardi    | Dienstag   | martes    | martedì   | вторник
Wednesday | mercredi | Mittwoch   | miércoles | mercoledì | среда
Thursday  | jeudi    | Donnerstag | jueves    | giovedì   | четверг
Friday    | vendredi | Freitag    | viernes   | venerdì   | пятница
Saturday  | samedi   | Samstag    | sábado    | sabato    | суббота
Sunday    | dimanche | Sonntag    | domingo   | domenica  | воскресенье
""")
MONTHS = table("""
January   | janvier   | Januar    | enero      | gennaio   | январь
February  | février   | Februar   | febrero    | febbraio  | февраль
March     | mars      | März      | marzo      | marzo     | март
April     | avril     | April     | abril      | aprile    | апрель
May       | mai       | Mai       | mayo       | maggio    | май
June      | juin      | Juni      | junio      | giugno    | июнь
July      | juillet   | Juli      | julio      | luglio    | июль
August    | août      | August    | agosto     | agosto    | август
September | septembre | September | septiembre | settembre | сентябрь
October   | octobre   | Oktober   | octubre    | ottobre   | октябрь
November  | novembre  | November  | noviembre  | novembre  | ноябрь
December  | décembre  | Dezember  | diciembre  | dicembre  | декабрь
""")
NUMBERS = table("""
one   | un     | eins   | uno    | uno     | один
two   | deux   | zwei   | dos    | due     | два
three | trois  | drei   | tres   | tre     | три
four  | quatre | vier   | cuatro | quattro | четыре
five  | cinq   | fünf   | cinco  | cinque  | пять
six   | six    | sechs  | seis   | sei     | шесть
seven | sept   | sieben | siete  | sette   | семь
eight | huit   | acht   | ocho   | otto    | восемь
nine  | neuf   | neun   | nueve  | nove    | девять
ten   | dix    | zehn   | diez   | dieci   | десять
""")
# what follows "after" and "before": the bare word, in Russian the genitive
GENITIVES = {
    "days": "понедельника вторника среды четверга пятницы субботы воскресенья".split(),
    "months": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split(),
    "numbers": "одного двух трёх четырёх пяти шести семи восьми девяти десяти".split(),
}
OPPOSITES = table("""
hot cold   | chaud froid   | heiß kalt         | caliente frío    | caldo freddo    | горячий холодный
big small  | grand petit   | groß klein        | grande pequeño   | grande piccolo  | большой маленький
good bad   | bon mauvais   | gut schlecht      | bueno malo       | buono cattivo   | хороший плохой
old new    | vieux nouveau | alt neu           | viejo nuevo      | vecchio nuovo   | старый новый
high low   | haut bas      | hoch niedrig      | alto bajo        | alto basso      | высокий низкий
rich poor  | riche pauvre  | reich arm         | rico pobre       | ricco povero    | богатый бедный
long short | long court    | lang kurz         | largo corto      | lungo corto     | длинный короткий
full empty | plein vide    | voll leer         | lleno vacío      | pieno vuoto     | полный пустой
fast slow  | rapide lent   | schnell langsam   | rápido lento     | veloce lento    | быстрый медленный
strong weak | fort faible  | stark schwach     | fuerte débil     | forte debole    | сильный слабый
""")

# what stands after "the capital", the country as it follows "the capital of": fr "de la France", ru "Франции"
COUNTRIES = table("""
France   | de la France    | von Frankreich  | de Francia   | della Francia     | Франции
Germany  | de l'Allemagne  | von Deutschland | de Alemania  | della Germania    | Германии
Italy    | de l'Italie     | von Italien     | de Italia    | dell'Italia       | Италии
Spain    | de l'Espagne    | von Spanien     | de España    | della Spagna      | Испании
Portugal | du Portugal     | von Portugal    | de Portugal  | del Portogallo    | Португалии
England  | de l'Angleterre | von England     | de Inglaterra | dell'Inghilterra | Англии
Ireland  | de l'Irlande    | von Irland      | de Irlanda   | dell'Irlanda      | Ирландии
Austria  | de l'Autriche   | von Österreich  | de Austria   | dell'Austria      | Австрии
Poland   | de la Pologne   | von Polen       | de Polonia   | della Polonia     | Польши
Hungary  | de la Hongrie   | von Ungarn      | de Hungría   | dell'Ungheria     | Венгрии
Romania  | de la Roumanie  | von Rumänien    | de Rumanía   | della Romania     | Румынии
Bulgaria | de la Bulgarie  | von Bulgarien   | de Bulgaria  | della Bulgaria    | Болгарии
Greece   | de la Grèce     | von Griechenland | de Grecia   | della Grecia      | Греции
Turkey   | de la Turquie   | der Türkei      | de Turquía   | della Turchia     | Турции
Russia   | de la Russie    | von Russland    | de Rusia     | della Russia      | России
Sweden   | de la Suède     | von Schweden    | de Suecia    | della Svezia      | Швеции
Norway   | de la Norvège   | von Norwegen    | de Noruega   | della Norvegia    | Норвегии
Finland  | de la Finlande  | von Finnland    | de Finlandia | della Finlandia   | Финляндии
Denmark  | du Danemark     | von Dänemark    | de Dinamarca | della Danimarca   | Дании
Latvia   | de la Lettonie  | von Lettland    | de Letonia   | della Lettonia    | Латвии
Egypt    | de l'Égypte     | von Ägypten     | de Egipto    | dell'Egitto       | Египта
Kenya    | du Kenya        | von Kenia       | de Kenia     | del Kenya         | Кении
Japan    | du Japon        | von Japan       | de Japón     | del Giappone      | Японии
China    | de la Chine     | von China       | de China     | della Cina        | Китая
Thailand | de la Thaïlande | von Thailand    | de Tailandia | della Thailandia  | Таиланда
Vietnam  | du Vietnam      | von Vietnam     | de Vietnam   | del Vietnam       | Вьетнама
Iran     | de l'Iran       | des Iran        | de Irán      | dell'Iran         | Ирана
Canada   | du Canada       | von Kanada      | de Canadá    | del Canada        | Канады
Cuba     | de Cuba         | von Kuba        | de Cuba      | di Cuba           | Кубы
Peru     | du Pérou        | von Peru        | de Perú      | del Perù          | Перу
""")
CAPITALS = table("""
Paris      | Paris      | Paris      | París      | Parigi     | Париж
Berlin     | Berlin     | Berlin     | Berlín     | Berlino    | Берлин
Rome       | Rome       | Rom        | Roma       | Roma       | Рим
Madrid     | Madrid     | Madrid     | Madrid     | Madrid     | Мадрид
Lisbon     | Lisbonne   | Lissabon   | Lisboa     | Lisbona    | Лиссабон
London     | Londres    | London     | Londres    | Londra     | Лондон
Dublin     | Dublin     | Dublin     | Dublín     | Dublino    | Дублин
Vienna     | Vienne     | Wien       | Viena      | Vienna     | Вена
Warsaw     | Varsovie   | Warschau   | Varsovia   | Varsavia   | Варшава
Budapest   | Budapest   | Budapest   | Budapest   | Budapest   | Будапешт
Bucharest  | Bucarest   | Bukarest   | Bucarest   | Bucarest   | Бухарест
Sofia      | Sofia      | Sofia      | Sofía      | Sofia      | София
Athens     | Athènes    | Athen      | Atenas     | Atene      | Афины
Ankara     | Ankara     | Ankara     | Ankara     | Ankara     | Анкара
Moscow     | Moscou     | Moskau     | Moscú      | Mosca      | Москва
Stockholm  | Stockholm  | Stockholm  | Estocolmo  | Stoccolma  | Стокгольм
Oslo       | Oslo       | Oslo       | Oslo       | Oslo       | Осло
Helsinki   | Helsinki   | Helsinki   | Helsinki   | Helsinki   | Хельсинки
Copenhagen | Copenhague | Kopenhagen | Copenhague | Copenaghen | Копенгаген
Riga       | Riga       | Riga       | Riga       | Riga       | Рига
Cairo      | Le Caire   | Kairo      | El Cairo   | Il Cairo   | Каир
Nairobi    | Nairobi    | Nairobi    | Nairobi    | Nairobi    | Найроби
Tokyo      | Tokyo      | Tokio      | Tokio      | Tokyo      | Токио
Beijing    | Pékin      | Peking     | Pekín      | Pechino    | Пекин
Bangkok    | Bangkok    | Bangkok    | Bangkok    | Bangkok    | Бангкок
Hanoi      | Hanoï      | Hanoi      | Hanói      | Hanoi      | Ханой
Tehran     | Téhéran    | Teheran    | Teherán    | Teheran    | Тегеран
Ottawa     | Ottawa     | Ottawa     | Ottawa     | Ottawa     | Оттава
Havana     | La Havane  | Havanna    | La Habana  | L'Avana    | Гавана
Lima       | Lima       | Lima       | Lima       | Lima       | Лима
""")


# for stories
class Thing(NamedTuple):
    """A noun of the stories: its form, its gender (m, f or n), in Russian also its accusative."""

    form: str
    gender: str
    accusative: str


def things(text: str) -> list[dict[str, Thing]]:
    """Rows of "chien m" or "кошка f кошку"; English has no gender here."""
    rows = []
    for row in table(text):
        cells = {language: cell.split() for language, cell in row.items()}
        rows.append({language: Thing(cell[0], (cell[1:2] or ["n"])[0], cell[-1] if len(cell) > 2 else cell[0])
                     for language, cell in cells.items()})  # fmt: skip
    return rows


THINGS = things("""
dog    | chien m   | Hund m      | perro m   | cane m     | собака f собаку
cat    | chat m    | Katze f     | gato m    | gatto m    | кошка f кошку
horse  | cheval m  | Pferd n     | caballo m | cavallo m  | лошадь f лошадь
book   | livre m   | Buch n      | libro m   | libro m    | книга f книгу
flower | fleur f   | Blume f     | flor f    | fiore m    | цветок m цветок
apple  | pomme f   | Apfel m     | manzana f | mela f     | яблоко n яблоко
letter | lettre f  | Brief m     | carta f   | lettera f  | письмо n письмо
key    | clé f     | Schlüssel m | llave f   | chiave f   | ключ m ключ
car    | voiture f | Auto n      | coche m   | macchina f | машина f машину
table  | table f   | Tisch m     | mesa f    | tavolo m   | стол m стол
""")
# qualities of things by gender: m/f, in Russian m/f/n
QUALITIES = table("""
black | noir/noire   | schwarz | negro/negra     | nero/nera       | чёрный/чёрная/чёрное
white | blanc/blanche | weiß   | blanco/blanca   | bianco/bianca   | белый/белая/белое
red   | rouge/rouge  | rot     | rojo/roja       | rosso/rossa     | красный/красная/красное
green | vert/verte   | grün    | verde/verde     | verde/verde     | зелёный/зелёная/зелёное
big   | grand/grande | groß    | grande/grande   | grande/grande   | большой/большая/большое
small | petit/petite | klein   | pequeño/pequeña | piccolo/piccola | маленький/маленькая/маленькое
old   | vieux/vieille | alt    | viejo/vieja     | vecchio/vecchia | старый/старая/старое
""")
PLACES = table("""
in the garden  | dans le jardin  | im Garten     | en el jardín    | nel giardino    | в саду
in the house   | dans la maison  | im Haus       | en la casa      | nella casa      | в доме
in the kitchen | dans la cuisine | in der Küche  | en la cocina    | nella cucina    | на кухне
in the forest  | dans la forêt   | im Wald       | en el bosque    | nel bosco       | в лесу
in the city    | dans la ville   | in der Stadt  | en la ciudad    | nella città     | в городе
""")
# people's states by gender, and what they want; the Russian and Romance forms agree with the person
STATES = {
    "en": (("is tired", "is tired", "sleep"), ("is hungry", "is hungry", "eat"), ("is thirsty", "is thirsty", "drink")),
    "fr": (("est fatigué", "est fatiguée", "dormir"), ("a faim", "a faim", "manger"), ("a soif", "a soif", "boire")),
    "de": (("ist müde", "ist müde", "schlafen"), ("hat Hunger", "hat Hunger", "essen"),
           ("hat Durst", "hat Durst", "trinken")),
    "es": (("está cansado", "está cansada", "dormir"), ("tiene hambre", "tiene hambre", "comer"),
           ("tiene sed", "tiene sed", "beber")),
    "it": (("è stanco", "è stanca", "dormire"), ("ha fame", "ha fame", "mangiare"), ("ha sete", "ha sete", "bere")),
    "ru": (("устал", "устала", "спать"), ("голоден", "голодна", "есть"), ("весел", "весела", "петь")),
}  # fmt: skip


class Person(NamedTuple):
    """A name; the cases are Russian's and equal the name elsewhere."""

    name: str
    is_woman: bool
    genitive: str
    dative: str
    accusative: str


def _people(women: str, men: str) -> list[Person]:
    """Each "Anna", or in Russian "Анна/Анны/Анне/Анну"."""
    found = []
    for is_woman, names in ((True, women), (False, men)):
        for cases in names.split():
            forms = cases.split("/")
            found.append(Person(forms[0], is_woman, *(forms[1:] or forms * 3)))
    return found


_WESTERN = _people("Anna Maria Laura Sara Julia Eva", "Tom Max David Leo Daniel Martin")
PEOPLE = {
    **{language: _WESTERN for language in LANGUAGES if language != "ru"},
    "ru": _people(
        "Анна/Анны/Анне/Анну Мария/Марии/Марии/Марию Ольга/Ольги/Ольге/Ольгу "
        "Вера/Веры/Вере/Веру Нина/Нины/Нине/Нину Лена/Лены/Лене/Лену",
        "Иван/Ивана/Ивану/Ивана Пётр/Петра/Петру/Петра Павел/Павла/Павлу/Павла "
        "Максим/Максима/Максиму/Максима Антон/Антона/Антону/Антона Олег/Олега/Олегу/Олега",
    ),
}
